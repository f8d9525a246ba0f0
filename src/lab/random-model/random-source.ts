import { createHash } from "node:crypto";

/** Pseudo-random numbers of one seed and purpose: sfc32 by Chris Doty-Humphrey, seeded through SHA-256. */
export class RandomSource {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spare: number | undefined;

  /** Sources of different `purpose` are independent, whatever the order they are drawn from. */
  constructor(seed: number, purpose: string) {
    const digest = createHash("sha256").update(`${seed}:${purpose}`).digest();
    this.#a = digest.readInt32LE(0);
    this.#b = digest.readInt32LE(4);
    this.#c = digest.readInt32LE(8);
    this.#counter = digest.readInt32LE(12);
  }

  /** A whole number, uniform over 32 bits, not negative. */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }

  /** A number from the standard normal distribution (Box-Muller). */
  normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 0.5) / 2 ** 32));
    const angle = 2 * Math.PI * (this.uint32() / 2 ** 32);
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
