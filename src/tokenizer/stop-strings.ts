/** Watches a text that comes in pieces for stop strings, and holds back what may be the start of one. */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";

  /** @throws RangeError on an empty stop string. */
  constructor(stops: readonly string[]) {
    if (stops.includes("")) throw new RangeError("stop: an empty text would end every reply at once");
    this.#stops = stops;
  }

  /** Text that is certain now, up to the first stop string where one is complete. */
  push(text: string): { readonly text: string; readonly isStopped: boolean } {
    const held = this.#held + text;
    const found = this.#stops.map((stop) => held.indexOf(stop)).filter((index) => index >= 0);
    if (found.length > 0) {
      this.#held = "";
      return { text: held.slice(0, Math.min(...found)), isStopped: true };
    }
    const certain = held.length - this.#possibleStart(held);
    this.#held = held.slice(certain);
    return { text: held.slice(0, certain), isStopped: false };
  }

  /** What was held back, when nothing comes any more. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** Length of the longest end of `text` that a stop string starts with. */
  #possibleStart(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
