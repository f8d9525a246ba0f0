import { describe, expect, it } from "vitest";
import { ATTRIBUTES, type Attribute } from "./attributes.ts";
import type { Owner } from "./owner.ts";
import { changedStatement, fill, join, plain, statement, type Wording, wrap } from "./wording.ts";

const ANNA: Owner = { kind: "named", name: "Anna" };

function attribute(id: string): Attribute {
  const found = ATTRIBUTES.find((candidate) => candidate.id === id);
  if (!found) throw new RangeError(`no attribute ${id}`);
  return found;
}

function marked({ text, values }: Wording): string[] {
  return values.map(({ start, end }) => text.slice(start, end));
}

describe("wordings", () => {
  it("fills a template and knows where the value stands", () => {
    const wording = fill("{P} cat {be} called {V} today", ANNA, "user", "Miso");
    expect(wording.text).toBe("Anna's cat is called Miso today");
    expect(marked(wording)).toEqual(["Miso"]);
  });

  it("moves the marks along when texts are put around or joined", () => {
    const one = wrap("by the way, ", fill("{S} {live} in {V}", ANNA, "user", "Rome"), ".");
    const both = join([one, plain("and"), one], " ");
    expect(both.text).toBe("by the way, Anna lives in Rome. and by the way, Anna lives in Rome.");
    expect(marked(both)).toEqual(["Rome", "Rome"]);
  });

  it("states a fact to the user, and a change with now", () => {
    const fact = { owner: { kind: "user" }, attribute: attribute("age"), value: "40" } as const;
    expect(statement(fact).text).toBe("You are 40 years old.");
    expect(changedStatement(fact).text).toBe("You are 40 years old now.");
    expect(marked(changedStatement(fact))).toEqual(["40"]);
  });
});

describe("attributes", () => {
  it("have ids of their own, and statements that tell them apart", () => {
    expect(new Set(ATTRIBUTES.map(({ id }) => id)).size).toBe(ATTRIBUTES.length);
    expect(new Set(ATTRIBUTES.map((a) => a.statement)).size).toBe(ATTRIBUTES.length);
  });

  it("name the value once in every telling and never in a question", () => {
    for (const { statement: stated, tellings, questions } of ATTRIBUTES) {
      for (const template of [stated, ...tellings]) expect(template.split("{V}")).toHaveLength(2);
      for (const template of questions) expect(template).not.toContain("{V}");
      expect(questions.length).toBeGreaterThanOrEqual(2);
    }
  });

  it("fill to plain sentences, without a placeholder left over", () => {
    for (const { statement: stated, tellings, questions } of ATTRIBUTES) {
      for (const template of [stated, ...tellings, ...questions]) {
        expect(fill(template, ANNA, "user", "x").text).not.toMatch(/[{}]/);
      }
    }
  });
});
