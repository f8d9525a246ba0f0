import type { Timings } from "./reply.ts";

/** Times the parts of one reply. */
export class Stopwatch {
  readonly #start = performance.now();
  #prefilled = Number.NaN;
  #firstToken = Number.NaN;
  #end = Number.NaN;

  markPrefilled(): void {
    this.#prefilled = performance.now();
  }

  /** The first call counts. */
  markToken(): void {
    if (Number.isNaN(this.#firstToken)) this.#firstToken = performance.now();
  }

  markEnd(): void {
    this.#end = performance.now();
  }

  /** @param numRead tokens evaluated while the prompt was read; @param numSampled tokens of the reply. */
  timings(numRead: number, numSampled: number): Timings {
    const end = Number.isNaN(this.#end) ? performance.now() : this.#end;
    const prefilled = Number.isNaN(this.#prefilled) ? end : this.#prefilled;
    const firstToken = Number.isNaN(this.#firstToken) ? end : this.#firstToken;
    const prefillMs = prefilled - this.#start;
    const decodeMs = end - firstToken;
    const perSecond = (count: number, ms: number): number => (count > 0 && ms > 0 ? (1000 * count) / ms : 0);
    return {
      ttftMs: firstToken - this.#start,
      prefillMs,
      prefillTokensPerSecond: perSecond(numRead, prefillMs),
      decodeMs,
      decodeTokensPerSecond: perSecond(numSampled - 1, decodeMs),
    };
  }
}
