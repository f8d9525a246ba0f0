/**
 * Stops a reply while it is written, and goes on with what was written until then.
 *
 *   npx tsx examples/stop-a-reply.ts [FILE.gguf]
 */
import { fileURLToPath } from "node:url";
// In a project of your own: from "rondo".
import { isRondoError, loadModel } from "../src/index.ts";

const demo = fileURLToPath(new URL("../models/rondo-demo.gguf", import.meta.url));
const path = process.argv[2] ?? demo;

try {
  await using model = await loadModel(path, {
    onProgress: (share) => process.stderr.write(`\rloading ${Math.round(share * 100)} %`),
  });
  process.stderr.write("\n");
  await using chat = model.createChat({ system: "You are a storyteller." });

  const stop = new AbortController();
  const reply = chat.send("Tell me a long story.", { signal: stop.signal });
  let story = "";
  for await (const { text } of reply) {
    process.stdout.write(text);
    story += text;
    if (story.length > 80) stop.abort();
  }
  const { finishReason, usage, timings } = await reply.done;
  const speed = timings.decodeTokensPerSecond.toFixed(0);
  console.log(`\n\n[${finishReason} after ${usage.completionTokens} tokens, ${speed} a second]\n`);

  // The unfinished answer is part of the conversation.
  const { text } = await chat.send("How does it end?", { maxTokens: 48, stop: ["\n\n"] }).done;
  console.log(text);
} catch (error) {
  // Codes are stable; messages say what to do.
  if (!isRondoError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
