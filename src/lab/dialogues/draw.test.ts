import { describe, expect, it } from "vitest";
import { drawConversation } from "./draw.ts";
import { isHeldOutClosing } from "./fact.ts";

const options = { rounds: 30, split: "train" } as const;
const seeds = Array.from({ length: 60 }, (_, i) => `test/${i}`);

describe("drawConversation", () => {
  it("draws the same conversation for the same seed and another one for another seed", () => {
    expect(drawConversation("a", options)).toEqual(drawConversation("a", options));
    expect(drawConversation("a", options)).not.toEqual(drawConversation("b", options));
  });

  it("has as many rounds as asked for", () => {
    for (const rounds of [1, 2, 17, 100]) {
      expect(drawConversation("n", { rounds, split: "train" }).rounds).toHaveLength(rounds);
    }
  });

  it("marks spans that hold the values that a question's reply must name", () => {
    for (const seed of seeds) {
      const { rounds, preamble } = drawConversation(seed, options);
      for (const { assistant, answers } of rounds) {
        if (answers.length === 0) continue;
        const named = assistant.values.map(({ start, end }) => assistant.text.slice(start, end));
        const closing = preamble.closing === undefined ? [] : [preamble.closing];
        expect(named).toEqual([...answers, ...closing]);
      }
    }
  });

  it("names as sources only earlier rounds, whose replies hold an answer", () => {
    for (const seed of seeds) {
      const { rounds } = drawConversation(seed, options);
      for (const [index, { answers, sources }] of rounds.entries()) {
        for (const source of sources) {
          expect(source).toBeLessThan(index);
          const text = rounds[source]?.assistant.text ?? "";
          expect(answers.some((answer) => text.includes(answer))).toBe(true);
        }
        const found = sources.map((source) => rounds[source]?.assistant.text).join("\n");
        for (const answer of answers) expect(found).toContain(answer);
      }
    }
  });

  it("repeats a told value in the reply of the same round, so that the round holds it twice", () => {
    for (const { kind, user, assistant } of seeds.flatMap((seed) => drawConversation(seed, options).rounds)) {
      if (kind !== "telling" && kind !== "change") continue;
      const told = user.values.map(({ start, end }) => user.text.slice(start, end));
      expect(told).toHaveLength(1);
      expect(assistant.text).toContain(told[0]);
    }
  });

  it("ends every reply with the word that the preamble asks for, which is none of those kept for evaluation", () => {
    const preambles = seeds
      .map((seed) => drawConversation(seed, options))
      .filter(({ preamble }) => preamble.closing);
    expect(preambles.length).toBeGreaterThan(3);
    for (const { preamble, rounds } of preambles) {
      expect(preamble.system).toContain(preamble.closing);
      expect(isHeldOutClosing(preamble.closing ?? "")).toBe(false);
      for (const { assistant } of rounds) expect(assistant.text.endsWith(` ${preamble.closing}.`)).toBe(true);
    }
  });

  it("draws every kind of round", () => {
    const kinds = new Set(
      seeds.flatMap((seed) => drawConversation(seed, options).rounds.map(({ kind }) => kind)),
    );
    expect([...kinds].sort()).toEqual(
      [
        "all-facts",
        "change",
        "changed-fact",
        "everything",
        "listed-facts",
        "one-fact",
        "small-talk",
        "telling",
        "two-facts",
        "two-step",
      ].sort(),
    );
  });

  it("refuses a number of rounds that is no count", () => {
    expect(() => drawConversation("a", { rounds: 0, split: "train" })).toThrow(RangeError);
    expect(() => drawConversation("a", { rounds: 1.5, split: "train" })).toThrow(RangeError);
  });
});
