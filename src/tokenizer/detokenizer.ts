import type { Vocabulary } from "./vocabulary.ts";

/** Turns tokens into text as they come, and never hands out half a character. */
export class Detokenizer {
  readonly #vocabulary: Vocabulary;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** The text that is complete with `token`; control tokens have none. */
  push(token: number): string {
    if (this.#vocabulary.isControl(token)) return "";
    return this.#decoder.decode(this.#vocabulary.tokenBytes(token), { stream: true });
  }

  /** What was left of an unfinished character, as U+FFFD; nothing else is held back. */
  flush(): string {
    return this.#decoder.decode();
  }
}
