/** 32-bit FNV-1a of a text's UTF-16 code units, finished with an avalanche so that every bit depends on all. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A seeded stream of random choices (sfc32): the same seed gives the same conversation on every machine. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.#a = hash32(`${seed}/a`);
    this.#b = hash32(`${seed}/b`);
    this.#c = hash32(`${seed}/c`);
    for (let i = 0; i < 12; i++) this.#next();
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  float(): number {
    return this.#next() / 2 ** 32;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  /** Whether an event of this probability happens. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One element. Throws RangeError for an empty list. */
  pick<T>(list: readonly T[]): T {
    const element = list[this.below(list.length)];
    if (element === undefined)
      throw new RangeError("pick from a list: it is empty, give at least one element");
    return element;
  }

  /** A shuffled copy. */
  shuffled<T>(list: readonly T[]): T[] {
    const keyed = list.map((element) => ({ element, key: this.float() }));
    return keyed.sort((x, y) => x.key - y.key).map(({ element }) => element);
  }

  /** `count` different elements (all of them if there are fewer). */
  sample<T>(list: readonly T[], count: number): T[] {
    return this.shuffled(list).slice(0, count);
  }
}
