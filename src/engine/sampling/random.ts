const GAMMA = 0x9e3779b97f4a7c15n;
const TWO_TO_MINUS_53 = 2 ** -53;

/**
 * Number `index` (from 0) of the SplitMix64 sequence of `seed` (Steele, Lea, Flood: Fast splittable
 * pseudorandom number generators, 2014), 64 bits.
 *
 * The sequence can be entered anywhere, so that what is sampled depends on the seed and the position alone: a
 * reply that is stopped, replayed or resumed needs no state.
 */
export function splitMix64(seed: number, index: number): bigint {
  let z = BigInt.asUintN(64, BigInt(seed) + (BigInt(index) + 1n) * GAMMA);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** Uniform in [0, 1): the upper 53 bits of {@link splitMix64}. */
export function uniform(seed: number, index: number): number {
  return Number(splitMix64(seed, index) >> 11n) * TWO_TO_MINUS_53;
}
