import fc from "fast-check";
import { expect, test } from "vitest";
import { likeliest, likeliestIds } from "./likeliest.ts";

const logits = fc
  .array(
    fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.float({ noNaN: true }),
      fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY),
    ),
    { minLength: 1, maxLength: 60 },
  )
  .map((values) => Float32Array.from(values));

function sortedIds(logits: Float32Array): readonly number[] {
  return [...logits.keys()]
    .filter((id) => (logits[id] ?? 0) > Number.NEGATIVE_INFINITY)
    .sort((a, b) => ((logits[a] ?? 0) === (logits[b] ?? 0) ? a - b : (logits[b] ?? 0) - (logits[a] ?? 0)));
}

test("the likeliest is the first of the largest", () => {
  fc.assert(
    fc.property(logits, (logits) => {
      expect(likeliest(logits)).toBe(sortedIds(logits)[0] ?? -1);
    }),
  );
});

test("the likeliest few are the beginning of the sorted list", () => {
  fc.assert(
    fc.property(logits, fc.nat(70), (logits, count) => {
      expect(likeliestIds(logits, count)).toEqual(sortedIds(logits).slice(0, count));
    }),
  );
});
