import { describe, expect, it } from "vitest";
import { type Owner, objectForm, ownerKey, possessiveForm, subjectForm, USER, verbForm } from "./owner.ts";

const ANNA: Owner = { kind: "named", name: "Anna" };
const BROTHER: Owner = { kind: "kin", noun: "brother" };

describe("forms of an owner", () => {
  it("turns the user's I and my into the assistant's you and your", () => {
    expect([subjectForm(USER, "user"), possessiveForm(USER, "user"), objectForm(USER, "user")]).toEqual([
      "I",
      "my",
      "me",
    ]);
    expect([
      subjectForm(USER, "assistant"),
      possessiveForm(USER, "assistant"),
      objectForm(USER, "assistant"),
    ]).toEqual(["you", "your", "you"]);
  });

  it("speaks of relatives from the speaker's side and of named people alike", () => {
    expect(possessiveForm(BROTHER, "user")).toBe("my brother's");
    expect(possessiveForm(BROTHER, "assistant")).toBe("your brother's");
    expect(subjectForm(ANNA, "user")).toBe(subjectForm(ANNA, "assistant"));
  });

  it("makes verbs agree", () => {
    expect([USER, ANNA].map((owner) => verbForm("live", owner, "user"))).toEqual(["live", "lives"]);
    expect(verbForm("be", USER, "user")).toBe("am");
    expect(verbForm("be", USER, "assistant")).toBe("are");
    expect(verbForm("be", BROTHER, "assistant")).toBe("is");
    expect(verbForm("study", ANNA, "user")).toBe("studies");
  });

  it("gives different people different keys, even where their words are equal", () => {
    expect(
      new Set([USER, ANNA, BROTHER, { kind: "named", name: "brother" } as const].map(ownerKey)).size,
    ).toBe(4);
  });
});
