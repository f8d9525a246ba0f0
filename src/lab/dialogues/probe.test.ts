import { describe, expect, it } from "vitest";
import { drawConversation } from "./draw.ts";
import { isHeldOut, isHeldOutClosing } from "./fact.ts";
import { drawProbe, PROBE_KINDS } from "./probe.ts";

const seeds = Array.from({ length: 40 }, (_, i) => `test/${i}`);
const kindsOfOneTelling = [
  "one-fact",
  "changed-fact",
  "two-facts",
  "two-step",
  "listed-facts",
  "all-facts",
] as const;

describe("drawProbe", () => {
  it.each(PROBE_KINDS)("draws the same %s probe for the same seed", (kind) => {
    const options = { kind, between: 9 };
    expect(drawProbe("a", options)).toEqual(drawProbe("a", options));
    expect(drawProbe("a", options)).not.toEqual(drawProbe("b", options));
  });

  it.each(kindsOfOneTelling)(
    "keeps the asked number of rounds between the last %s source and the question",
    (kind) => {
      for (const between of [0, 1, 8, 32]) {
        for (const seed of seeds.slice(0, 10)) {
          const { history, question } = drawProbe(seed, { kind, between });
          expect(history.length - 1 - Math.max(...question.sources)).toBe(between);
        }
      }
    },
  );

  it.each(kindsOfOneTelling)("names the rounds that hold the values of a %s answer", (kind) => {
    for (const seed of seeds) {
      const { history, question } = drawProbe(seed, { kind, between: 6 });
      expect(question.kind).toBe(kind);
      expect(question.answers.length).toBeGreaterThan(0);
      const found = question.sources.map((source) => history[source]?.assistant.text).join("\n");
      for (const answer of question.answers) expect(found).toContain(answer);
    }
  });

  it("tells every value that a fact probe asks for once only after its last change", () => {
    for (const seed of seeds) {
      for (const kind of ["one-fact", "changed-fact"] as const) {
        expect(drawProbe(seed, { kind, between: 12 }).question.sources).toHaveLength(1);
      }
    }
  });

  it("asks a changed fact for the new value, which differs from the old one", () => {
    for (const seed of seeds) {
      const { history, question } = drawProbe(seed, { kind: "changed-fact", between: 4 });
      expect(history[question.sources[0] ?? -1]?.kind).toBe("change");
    }
  });

  it("reaches the second fact of a two-step question only through a name that the question does not say", () => {
    for (const seed of seeds) {
      const { question } = drawProbe(seed, { kind: "two-step", between: 4 });
      const [person] = question.answers;
      expect(question.user.text).not.toContain(person);
      expect(question.assistant.text.split("\n")[1]).toContain(person);
    }
  });

  it("lists everything that was told, in the order of telling", () => {
    for (const seed of seeds) {
      const { history, question } = drawProbe(seed, { kind: "everything", between: 3 });
      const tellings = history.flatMap(({ kind }, index) =>
        kind === "telling" || kind === "change" ? [index] : [],
      );
      expect(question.sources).toEqual(tellings);
      expect(question.assistant.text.split("\n")).toHaveLength(tellings.length);
    }
  });

  it("demands a closing word that training never hears, after as many rounds as asked for", () => {
    for (const seed of seeds) {
      const { preamble, history, question } = drawProbe(seed, { kind: "preamble", between: 10, before: 6 });
      expect(history).toHaveLength(16);
      expect(isHeldOutClosing(preamble.closing ?? "")).toBe(true);
      expect(question.assistant.text.endsWith(` ${preamble.closing}.`)).toBe(true);
    }
  });

  it("asks only for combinations that no training conversation tells", () => {
    const asked = seeds.flatMap((seed) => {
      const { history, question } = drawProbe(seed, { kind: "one-fact", between: 2 });
      return question.sources.flatMap((source) => history[source]?.told ?? []);
    });
    expect(asked).toHaveLength(seeds.length);
    expect(asked.filter((fact) => !isHeldOut(fact))).toEqual([]);
    const sentences = new Set(
      asked.map(({ owner, attribute, value }) => JSON.stringify([owner, attribute.id, value])),
    );
    expect(sentences.size).toBeGreaterThan(30);
    for (const seed of seeds) {
      const { rounds } = drawConversation(seed, { rounds: 40, split: "train" });
      const told = rounds.flatMap(({ told: fact }) => (fact ? [fact] : []));
      expect(told.length).toBeGreaterThan(5);
      expect(told.filter(isHeldOut)).toEqual([]);
    }
  });

  it("refuses distances that are no counts", () => {
    expect(() => drawProbe("a", { kind: "one-fact", between: -1 })).toThrow(RangeError);
    expect(() => drawProbe("a", { kind: "one-fact", between: 1, before: 2 })).toThrow(RangeError);
  });
});
