import type { TokenLogprobs } from "./sampling/logprobs.ts";

/** A bit of a reply, as soon as it is certain. */
export interface ReplyPiece {
  readonly text: string;
  /** Of the tokens behind `text`, where asked for. */
  readonly logprobs?: readonly TokenLogprobs[];
}

/** Why a reply ended: the model said so or a stop string came; a limit; the caller's signal. */
export type FinishReason = "stop" | "length" | "aborted";

export interface Usage {
  /** Tokens of the conversation that the reply answers, the cached ones included. */
  readonly promptTokens: number;
  /** Of these, tokens whose KV was there already. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface Timings {
  /** From the request until the first sampled token. */
  readonly ttftMs: number;
  /** Reading the prompt, and its speed over the tokens that were not cached. */
  readonly prefillMs: number;
  readonly prefillTokensPerSecond: number;
  /** All later tokens together, and their speed. */
  readonly decodeMs: number;
  readonly decodeTokensPerSecond: number;
}

export interface ReplyResult {
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly timings: Timings;
}

/** A reply on its way: iterate over its pieces, or await `done`. It goes on whether or not anyone listens. */
export class Reply implements AsyncIterable<ReplyPiece> {
  /** Settles when the reply has ended and its round is kept. Rejects with what went wrong. */
  readonly done: Promise<ReplyResult>;
  readonly #pieces: ReplyPiece[] = [];
  #isDone = false;
  #wake: (() => void)[] = [];

  /** @param run writes the reply, handing out pieces as they come. */
  constructor(run: (emit: (piece: ReplyPiece) => void) => Promise<ReplyResult>) {
    this.done = run((piece) => {
      this.#pieces.push(piece);
      this.#notify();
    }).finally(() => {
      this.#isDone = true;
      this.#notify();
    });
    // Whoever iterates sees the error there; without this, not awaiting `done` as well would end the process.
    this.done.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReplyPiece, void, undefined> {
    for (let next = 0; ; next++) {
      while (next >= this.#pieces.length && !this.#isDone) await this.#changed();
      const piece = this.#pieces[next];
      if (piece === undefined) break;
      yield piece;
    }
    await this.done;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
