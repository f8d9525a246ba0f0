/**
 * Watches a text that arrives in pieces for strings at which it must stop. Text that may be the beginning of
 * one is held back, so that no part of a stop string is ever handed out.
 *
 * The string that is complete first stops the text; where two are complete at the same character, the one
 * that starts earlier. How the text is cut into pieces makes no difference.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #longestStart: number;
  #held = "";
  #stoppedBy: string | undefined;

  /** @throws RangeError on an empty stop string, which would stop every text at once. */
  constructor(stops: readonly string[]) {
    if (stops.includes("")) throw new RangeError("stop strings: an empty one would stop every text");
    this.#stops = stops;
    this.#longestStart = Math.max(0, ...stops.map((stop) => stop.length - 1));
  }

  /** The stop string that was found. */
  get stoppedBy(): string | undefined {
    return this.#stoppedBy;
  }

  /** The text that is certain now. After a stop string was found, nothing more comes. */
  push(text: string): string {
    if (this.#stoppedBy !== undefined) return "";
    const pending = this.#held + text;
    const found = this.#find(pending);
    if (found !== undefined) {
      this.#stoppedBy = found.stop;
      this.#held = "";
      return pending.slice(0, found.start);
    }
    const certain = pending.length - this.#lengthOfStart(pending);
    this.#held = pending.slice(certain);
    return pending.slice(0, certain);
  }

  /** The text held back, which was no stop string after all. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  #find(text: string): { readonly stop: string; readonly start: number } | undefined {
    let best: { stop: string; start: number; end: number } | undefined;
    for (const stop of this.#stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const end = start + stop.length;
      if (best === undefined || end < best.end || (end === best.end && start < best.start)) {
        best = { stop, start, end };
      }
    }
    return best;
  }

  /** Length of the longest end of `text` with which a stop string starts. */
  #lengthOfStart(text: string): number {
    for (let length = Math.min(this.#longestStart, text.length); length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
