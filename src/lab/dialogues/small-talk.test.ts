import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";
import { drawSmallTalk } from "./small-talk.ts";

describe("drawSmallTalk", () => {
  const random = new Random("talk");
  const drawn = Array.from({ length: 1000 }, () => drawSmallTalk(random));

  it("draws many different rounds", () => {
    expect(new Set(drawn.map(({ user }) => user)).size).toBeGreaterThan(200);
  });

  it("always replies the same to the same fixed line", () => {
    const replies = new Map<string, Set<string>>();
    for (const { user, assistant } of drawn) {
      replies.set(user, (replies.get(user) ?? new Set()).add(assistant));
    }
    expect([...replies.values()].filter((set) => set.size > 1)).toEqual([]);
  });

  it("owns up to what it cannot answer", () => {
    const questions = drawn.filter(({ user }) => user.startsWith("What is the capital of"));
    expect(questions.length).toBeGreaterThan(3);
    for (const { assistant } of questions) expect(assistant).toBe("I do not know that.");
  });
});
