import { describe, expect, test } from "vitest";
import { Metadata } from "./metadata.ts";
import type { MetadataValue } from "./metadata-value.ts";

const entries: readonly (readonly [string, MetadataValue])[] = [
  ["text", { type: "string", value: "llama" }],
  ["count", { type: "uint32", value: 24 }],
  ["large", { type: "uint64", value: 2n ** 40n }],
  ["too-large", { type: "uint64", value: 2n ** 60n }],
  ["flag", { type: "bool", value: false }],
  ["floats", { type: "array", elementType: "float32", value: new Float32Array([0.5, 2]) }],
  ["bigs", { type: "array", elementType: "int64", value: new BigInt64Array([-1n, 5n]) }],
  ["too-big", { type: "array", elementType: "int64", value: new BigInt64Array([2n ** 60n]) }],
  ["words", { type: "array", elementType: "string", value: ["a", "b"] }],
];
const metadata = new Metadata("model.gguf", new Map(entries));

test("values come by their type, wide integers as numbers where a double holds them", () => {
  expect(metadata.string("text")).toBe("llama");
  expect(metadata.number("count")).toBe(24);
  expect(metadata.number("large")).toBe(2 ** 40);
  expect(metadata.boolean("flag")).toBe(false);
  expect([...metadata.numbers("floats")]).toEqual([0.5, 2]);
  expect([...metadata.numbers("bigs")]).toEqual([-1, 5]);
  expect(metadata.strings("words")).toEqual(["a", "b"]);
  expect(metadata.size).toBe(entries.length);
});

const getters = {
  string: [(key: string) => metadata.string(key), (key: string) => metadata.optionalString(key)],
  number: [(key: string) => metadata.number(key), (key: string) => metadata.optionalNumber(key)],
  boolean: [(key: string) => metadata.boolean(key), (key: string) => metadata.optionalBoolean(key)],
  numbers: [(key: string) => metadata.numbers(key), (key: string) => metadata.optionalNumbers(key)],
  strings: [(key: string) => metadata.strings(key), (key: string) => metadata.optionalStrings(key)],
} as const;
const holds: Readonly<Record<string, string>> = {
  text: "string",
  count: "number",
  large: "number",
  flag: "boolean",
  floats: "numbers",
  bigs: "numbers",
  words: "strings",
};

describe.each(Object.entries(getters))("%s", (name, [required, optional]) => {
  test("of a key that is not there throws a coded error naming it; the optional form gives undefined", () => {
    expect(() => required("llama.block_count")).toThrow(
      expect.objectContaining({
        code: "MODEL_MISSING_KEY",
        message: expect.stringMatching(
          /^reading model\.gguf: the metadata key "llama\.block_count" is missing/,
        ),
      }),
    );
    expect(optional("llama.block_count")).toBeUndefined();
    expect(metadata.has("llama.block_count")).toBe(false);
  });

  test("of a key with another type throws a coded error that names both types, the optional form too", () => {
    for (const [key, entry] of entries.filter(([key]) => holds[key] !== name)) {
      const wrongType = expect.objectContaining({
        code: "MODEL_CORRUPT",
        message: expect.stringContaining(
          `"${key}" holds ${entry.type === "array" ? "an array of" : entry.type}`,
        ),
      });
      expect(() => required(key)).toThrow(wrongType);
      expect(() => optional(key)).toThrow(wrongType);
    }
  });
});
