import { describe, expect, it } from "vitest";
import { drawProbe, type Probe } from "./probe.ts";
import { baselinesOf, scoreReply } from "./score.ts";

const seeds = Array.from({ length: 50 }, (_, i) => `test/${i}`);

function probeOf(kind: "one-fact" | "two-facts" | "preamble", seed = "a"): Probe {
  return drawProbe(seed, { kind, between: 5 });
}

describe("scoreReply", () => {
  it("takes the expected reply as right and exact, for every kind of question", () => {
    for (const kind of ["one-fact", "two-facts", "preamble"] as const) {
      const probe = probeOf(kind);
      expect(scoreReply(probe, probe.question.assistant.text)).toEqual({ isRight: true, isExact: true });
    }
  });

  it("takes another wording with the right value as right, not as exact", () => {
    const probe = probeOf("one-fact");
    expect(scoreReply(probe, `It is ${probe.question.answers[0]}.`)).toEqual({
      isRight: true,
      isExact: false,
    });
  });

  it("does not find a value inside another word", () => {
    const probe = probeOf("one-fact");
    expect(scoreReply(probe, `It is x${probe.question.answers[0]}.`).isRight).toBe(false);
    expect(scoreReply(probe, `It is ${probe.question.answers[0]}0.`).isRight).toBe(false);
  });

  it("wants two answers in order, one a line", () => {
    const probe = probeOf("two-facts");
    const [first, second] = probe.question.answers;
    expect(scoreReply(probe, `${first}\n${second}`).isRight).toBe(true);
    expect(scoreReply(probe, `${second}\n${first}`).isRight).toBe(false);
    expect(scoreReply(probe, `${first} ${second}`).isRight).toBe(false);
  });

  it("wants the demanded word at the end where the preamble demands it", () => {
    const probe = probeOf("preamble");
    expect(scoreReply(probe, `Anything at all. ${probe.preamble.closing}.`).isRight).toBe(true);
    expect(scoreReply(probe, `${probe.preamble.closing}. Anything at all.`).isRight).toBe(false);
  });
});

describe("baselinesOf", () => {
  it("gives copying certainty and guessing its share when the asked fact is the only one told", () => {
    const probe = probeOf("one-fact");
    const fact = probe.question.asked[0];
    const history = probe.history.filter(({ told }) => told === undefined || told === fact);
    expect(baselinesOf({ ...probe, history })).toEqual({
      copyLast: 1,
      copyLastOfKind: 1,
      guess: 1,
      guessOfKind: 1,
    });
  });

  it("is far from certain on real probes, and harder for two facts than for one", () => {
    const mean = (kind: "one-fact" | "two-facts"): number =>
      seeds.reduce((sum, seed) => sum + baselinesOf(probeOf(kind, seed)).guess, 0) / seeds.length;
    expect(mean("one-fact")).toBeLessThan(0.4);
    expect(mean("two-facts")).toBeLessThan(mean("one-fact") / 2);
  });
});
