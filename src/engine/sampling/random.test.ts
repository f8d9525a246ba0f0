import { expect, test } from "vitest";
import { splitMix64, uniform } from "./random.ts";

test("the sequence is SplitMix64's", () => {
  expect([0, 1, 2, 3, 4].map((index) => splitMix64(1_234_567, index))).toEqual([
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ]);
});

test("negative seeds have sequences of their own", () => {
  expect(uniform(-1, 0)).not.toBe(uniform(1, 0));
  expect(uniform(-1, 0)).toBeGreaterThanOrEqual(0);
});

test("numbers fill [0, 1) evenly, along a sequence and across seeds", () => {
  const along = Array.from({ length: 20_000 }, (_, index) => uniform(7, index));
  const across = Array.from({ length: 20_000 }, (_, seed) => uniform(seed, 3));
  for (const numbers of [along, across]) {
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    const counts = new Array<number>(20).fill(0);
    for (const number of numbers)
      counts[Math.floor(number * 20)] = (counts[Math.floor(number * 20)] ?? 0) + 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
    // 19 degrees of freedom: passed by 999 of 1,000 fair sequences, and by these fixed ones.
    expect(chiSquare).toBeLessThan(43.8);
  }
});
