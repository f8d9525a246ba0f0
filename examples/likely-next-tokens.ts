/**
 * Shows which tokens a model expects after a text, straight from its logits.
 *
 *   npx tsx examples/likely-next-tokens.ts "My name is" [FILE.gguf]
 */
import { fileURLToPath } from "node:url";
// In a project of your own: from "rondo".
import { loadModel } from "../src/index.ts";

const NUM_SHOWN = 5;

const demo = fileURLToPath(new URL("../models/rondo-demo.gguf", import.meta.url));
const [text = "My name is", path = demo] = process.argv.slice(2);
await using model = await loadModel(path);

const tokens = model.vocabulary.encode(text, { addSpecial: true });
const [logits = new Float32Array()] = await model.logits(tokens);
const likeliest = [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0)).slice(0, NUM_SHOWN);

const max = logits[likeliest[0] ?? 0] ?? 0;
const sum = logits.reduce((total, logit) => total + Math.exp(logit - max), 0);
for (const token of likeliest) {
  const probability = Math.exp((logits[token] ?? 0) - max) / sum;
  const piece = Buffer.from(model.vocabulary.tokenBytes(token)).toString();
  console.log(`${(100 * probability).toFixed(1).padStart(5)} %  ${JSON.stringify(piece)}`);
}
