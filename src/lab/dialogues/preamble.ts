import { isHeldOutClosing } from "./fact.ts";
import type { Random } from "./random.ts";
import { coinName } from "./values.ts";

/** What the system message says, and the word with which it asks to end every reply. */
export interface Preamble {
  readonly system: string | undefined;
  readonly closing: string | undefined;
}

/** Whether a conversation comes from what the model is trained on or from what is kept for evaluation. */
export type Split = "train" | "held-out";

const NEUTRAL: readonly string[] = [
  "You are a careful assistant.",
  "You are a helpful assistant.",
  "You are Rondo, a small language model.",
  "Remember what the user tells you.",
];

const INSTRUCTIONS: readonly string[] = [
  "End every reply with the word WORD.",
  "Always finish your reply with WORD.",
  "The last word of every reply must be WORD.",
  "You are a careful assistant. End every reply with WORD.",
];

const WORDS: readonly string[] = (
  "Ahoy Cheers Amen Hooray Captain Madam Sir Comrade Bravo Eureka Shalom Namaste Aloha Ciao Salute Roger Chief Boss " +
  "Darling Friend Buddy Hurrah Voila Yeah Peace"
).split(" ");

/** A preamble whose instruction must be obeyed in every reply. */
export function drawInstruction(split: Split, random: Random): Preamble {
  for (;;) {
    const closing = random.chance(0.4) ? coinName(random) : random.pick(WORDS);
    if (isHeldOutClosing(closing) !== (split === "held-out")) continue;
    return { system: random.pick(INSTRUCTIONS).replace("WORD", closing), closing };
  }
}

/** Usually no preamble, sometimes a neutral one or one with an instruction. */
export function drawPreamble(split: Split, random: Random): Preamble {
  const roll = random.float();
  if (roll < 0.2) return drawInstruction(split, random);
  return { system: roll < 0.4 ? random.pick(NEUTRAL) : undefined, closing: undefined };
}
