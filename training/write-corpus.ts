/**
 * Writes the text that the tokenizer learns from: one message a line, as JSON strings.
 *
 *     npx tsx training/write-corpus.ts OUT.jsonl [CONVERSATIONS]
 */
import { writeFileSync } from "node:fs";
import { drawConversation } from "../src/lab/dialogues/draw.ts";

const [out, count = "4000"] = process.argv.slice(2);
if (out === undefined) throw new TypeError("write the corpus: no file named, give the path to write");

const lines: string[] = [];
for (let i = 0; i < Number(count); i++) {
  const { preamble, rounds } = drawConversation(`corpus/${i}`, { rounds: 24, split: "train" });
  if (preamble.system !== undefined) lines.push(JSON.stringify(preamble.system));
  for (const { user, assistant } of rounds)
    lines.push(JSON.stringify(user.text), JSON.stringify(assistant.text));
}
writeFileSync(out, `${lines.join("\n")}\n`);
