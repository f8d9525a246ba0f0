import { describe, expect, test } from "vitest";
import { RondoError } from "./errors.ts";
import { Registry } from "./registry.ts";

interface Animal {
  readonly name: string;
  readonly legs: number;
}

const ANIMALS = new Registry<Animal>("animal", [
  { name: "spider", legs: 8 },
  { name: "kangaroo", legs: 2 },
]);

describe("a registry", () => {
  test("answers with the entry of a name", () => {
    expect(ANIMALS.get("spider").legs).toBe(8);
    expect(ANIMALS.find("kangaroo")?.legs).toBe(2);
  });

  test("lists its names in the order they were given", () => {
    expect(ANIMALS.names).toEqual(["spider", "kangaroo"]);
  });

  test("finds nothing under another name, not even under names that every object has", () => {
    expect(ANIMALS.find("Spider")).toBeUndefined();
    expect(ANIMALS.find("constructor")).toBeUndefined();
    expect(ANIMALS.find("__proto__")).toBeUndefined();
  });

  test("answers an unknown name with the known ones and the one that may have been meant", () => {
    const ask = (): Animal => ANIMALS.get("kangeroo");
    expect(ask).toThrow(RondoError);
    expect(ask).toThrow(expect.objectContaining({ code: "UNKNOWN_NAME" }));
    expect(ask).toThrow('the animal "kangeroo"');
    expect(ask).toThrow('spider, kangaroo; did you mean "kangaroo"?');
  });

  test("suggests nothing where no name is near", () => {
    expect(() => ANIMALS.get("whale")).toThrow(/known are spider, kangaroo$/);
  });

  test("refuses a name that is there twice", () => {
    const twice = (): unknown =>
      new Registry("animal", [
        { name: "ant", legs: 6 },
        { name: "ant", legs: 5 },
      ]);
    expect(twice).toThrow(RangeError);
    expect(twice).toThrow('animal "ant" is registered twice');
  });
});
