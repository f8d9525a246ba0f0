import fc from "fast-check";
import { expect, test } from "vitest";
import { needsSplitting, splitLongRuns } from "./long-runs.ts";

const SPECIALS = ["<|end|>", "##"] as const;

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/\S+|\s+/g) ?? []).map((run) => run.length));
}

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom("a", "🎵", "中", " ", "\n", ...SPECIALS),
      fc.integer({ min: 1, max: 40 }).map((n) => "x".repeat(n)),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => pieces.join(""));

test("a text without long runs stays whole and asks for no special texts", () => {
  const ask = (): never => {
    throw new Error("asked");
  };
  expect(splitLongRuns("one two three ".repeat(1_000), ask)).toEqual(["one two three ".repeat(1_000)]);
  expect(splitLongRuns("", ask)).toEqual([""]);
});

test("a run is cut where it gets too long, white space too", () => {
  expect(splitLongRuns(`ab ${"x".repeat(25)} ab`, () => [], 10)).toEqual([
    "ab xxxxxxxxxx",
    "xxxxxxxxxx",
    "xxxxx ab",
  ]);
  expect(splitLongRuns(`a${" ".repeat(12)}`, () => [], 10)).toEqual([`a${" ".repeat(10)}`, "  "]);
});

test("no part ends within a character or a special text, none has a run much too long, nothing is lost", () => {
  fc.assert(
    fc.property(text, (text) => {
      const parts = splitLongRuns(text, () => SPECIALS, 12);
      expect(parts.join("")).toBe(text);
      for (const part of parts) {
        expect(Buffer.from(part).toString()).toBe(part);
        expect(longestRun(part)).toBeLessThanOrEqual(12 + 6);
      }
      const count = (text: string): number =>
        SPECIALS.reduce((n, special) => n + text.split(special).length - 1, 0);
      // "###" reads as a special text and a rest either way round: only its own kind of runs may differ.
      if (!text.includes("###")) expect(parts.reduce((n, part) => n + count(part), 0)).toBe(count(text));
    }),
  );
});

test("only pre-tokenizers known to be safe are left alone", () => {
  expect(["llama-bpe", "qwen2", "gpt-2"].map(needsSplitting)).toEqual([false, false, false]);
  expect([undefined, "default", "tekken", "new-one"].map(needsSplitting)).toEqual([true, true, true, true]);
});
