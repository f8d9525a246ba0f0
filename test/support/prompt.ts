import { RandomSource } from "../../src/lab/random-model/random-source.ts";

/** `count` token ids below `vocabularySize`, the same for the same seed. */
export function randomTokens(count: number, vocabularySize: number, seed = 1): number[] {
  const random = new RandomSource(seed, "tokens of a test");
  return Array.from({ length: count }, () => random.below(vocabularySize));
}
