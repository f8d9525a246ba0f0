import { describe, expect, it } from "vitest";
import { ATTRIBUTES } from "./attributes.ts";
import { Random } from "./random.ts";
import { coinName, drawValue, PEOPLE } from "./values.ts";

describe("drawValue", () => {
  it("draws values for every domain that an attribute names, and no ends that would merge with punctuation", () => {
    const random = new Random("values");
    for (const domain of new Set(ATTRIBUTES.map((attribute) => attribute.domain))) {
      const drawn = Array.from({ length: 200 }, () => drawValue(domain, random));
      expect(new Set(drawn).size).toBeGreaterThan(3);
      for (const value of drawn) expect(value).toMatch(/^[\p{L}\p{N}][\p{L}\p{N} ]*$/u);
    }
  });

  it("mixes listed names with names that nobody has heard before", () => {
    const random = new Random("names");
    const drawn = Array.from({ length: 400 }, () => drawValue("person", random));
    const listed = drawn.filter((name) => PEOPLE.includes(name)).length;
    expect(listed).toBeGreaterThan(200);
    expect(listed).toBeLessThan(360);
  });

  it("coins names that start with a capital", () => {
    const random = new Random("coined");
    for (let i = 0; i < 100; i++) expect(coinName(random)).toMatch(/^\p{Lu}\p{Ll}{2,}$/u);
  });

  it("lists no person's name that ends in s, whose possessive would be spelled otherwise", () => {
    expect(PEOPLE.filter((name) => name.endsWith("s"))).toEqual([]);
  });
});
