import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

const KNOWN = ["temperature", "topK", "topP", "minP", "seed"];

describe("the nearest name", () => {
  test.each([
    ["temprature", "temperature"],
    ["temperatures", "temperature"],
    ["Temperature", "temperature"],
    ["topk", "topK"],
    ["seeds", "seed"],
    ["sed", "seed"],
  ])("of %s is %s", (name, expected) => {
    expect(nearestName(name, KNOWN)).toBe(expected);
  });

  test.each(["colour", "", "x", "tempo"])("of %j is none: too much differs", (name) => {
    expect(nearestName(name, KNOWN)).toBeUndefined();
  });

  test("is none where no name is known", () => {
    expect(nearestName("seed", [])).toBeUndefined();
  });

  test("is the first of two that are equally near", () => {
    expect(nearestName("topX", KNOWN)).toBe("topK");
  });

  test("of a known name is that name", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 }), (names) => {
        const [name = ""] = names;
        expect(nearestName(name, names)?.toLowerCase()).toBe(name.toLowerCase());
      }),
    );
  });

  test("of a name with one letter more, of three or more, is found", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{3,12}$/),
        fc.nat(12),
        fc.stringMatching(/^[a-z]$/),
        (name, at, letter) => {
          expect(nearestName(name.slice(0, at) + letter + name.slice(at), [name])).toBe(name);
        },
      ),
    );
  });
});
