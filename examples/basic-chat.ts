/**
 * Tells a model something and asks for it later. Each question reads only its own tokens.
 *
 *   npx tsx examples/basic-chat.ts [FILE.gguf]
 */
import { fileURLToPath } from "node:url";
// In a project of your own: from "rondo".
import { loadModel } from "../src/index.ts";

const demo = fileURLToPath(new URL("../models/rondo-demo.gguf", import.meta.url));
await using model = await loadModel(process.argv[2] ?? demo);
await using chat = model.createChat({ sampling: { temperature: 0 } });

for (const question of ["My cat is called Miso.", "I had soup for lunch.", "What is my cat called?"]) {
  console.log(`> ${question}`);
  const reply = chat.send(question, { maxTokens: 64 });
  for await (const { text } of reply) process.stdout.write(text);
  const { usage } = await reply.done;
  console.log(
    `\n(${usage.promptTokens - usage.cachedTokens} tokens read, ${usage.cachedTokens} were cached)\n`,
  );
}
