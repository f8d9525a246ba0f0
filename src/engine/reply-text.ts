import { Detokenizer } from "../tokenizer/detokenizer.ts";
import { StopStrings } from "../tokenizer/stop-strings.ts";
import type { Vocabulary } from "../tokenizer/vocabulary.ts";
import type { ReplyPiece } from "./reply.ts";
import type { TokenLogprobs } from "./sampling/logprobs.ts";

/** Turns sampled tokens into the text of a reply and hands it out as soon as no stop string can undo it. */
export class ReplyText {
  readonly #vocabulary: Vocabulary;
  readonly #detokenizer: Detokenizer;
  readonly #stop: StopStrings;
  readonly #emit: (piece: ReplyPiece) => void;
  #text = "";
  #isExact = true;
  #logprobs: TokenLogprobs[] = [];

  constructor(vocabulary: Vocabulary, stop: readonly string[], emit: (piece: ReplyPiece) => void) {
    this.#vocabulary = vocabulary;
    this.#detokenizer = new Detokenizer(vocabulary);
    this.#stop = new StopStrings(stop);
    this.#emit = emit;
  }

  /** What has been handed out so far. */
  get text(): string {
    return this.#text;
  }

  /** Whether the tokens pushed stand for `text` to the letter: not with hidden tokens, broken characters or a stop string. */
  get isExact(): boolean {
    return this.#isExact;
  }

  /** Takes one more token. Answers whether a stop string is complete. */
  push(token: number, logprobs: TokenLogprobs | undefined): boolean {
    if (this.#vocabulary.isControl(token)) this.#isExact = false;
    if (logprobs !== undefined) this.#logprobs.push(logprobs);
    return this.#hand(this.#detokenizer.push(token));
  }

  /** Hands out what was held back; nothing comes after it. */
  end(): void {
    const isStopped = this.#hand(this.#detokenizer.flush());
    if (!isStopped) this.#give(this.#stop.flush());
  }

  #hand(text: string): boolean {
    if (text.includes("\uFFFD")) this.#isExact = false;
    this.#give(this.#stop.push(text));
    if (this.#stop.stoppedBy === undefined) return false;
    this.#isExact = false;
    return true;
  }

  #give(text: string): void {
    if (text === "") return;
    this.#text += text;
    const logprobs = this.#logprobs;
    this.#logprobs = [];
    this.#emit(logprobs.length === 0 ? { text } : { text, logprobs });
  }
}
