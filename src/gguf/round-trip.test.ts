import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type MetadataValue, NUMBER_ARRAYS, type NumberType } from "./metadata-value.ts";
import { readGguf } from "./reader.ts";
import { TensorReader } from "./tensor-data.ts";
import { rowBytes, TENSOR_TYPE_NAMES, tensorType } from "./tensor-types.ts";
import { type TensorSource, writeGguf } from "./writer.ts";

const directory = mkdtempSync(join(tmpdir(), "rondo-gguf-"));
afterAll(() => rmSync(directory, { recursive: true }));

const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

const smallNumber = fc.oneof(
  fc.record({ type: fc.constant("uint8" as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ type: fc.constant("int8" as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: fc.constant("uint16" as const), value: fc.integer({ min: 0, max: 65_535 }) }),
  fc.record({ type: fc.constant("int16" as const), value: fc.integer({ min: -32_768, max: 32_767 }) }),
  fc.record({ type: fc.constant("uint32" as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({
    type: fc.constant("int32" as const),
    value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  }),
  fc.record({ type: fc.constant("float32" as const), value: fc.float() }),
  fc.record({ type: fc.constant("float64" as const), value: fc.double() }),
);
const bigNumber = fc.oneof(
  fc.record({ type: fc.constant("uint64" as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({
    type: fc.constant("int64" as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
);
const numberArray = fc
  .tuple(fc.constantFrom(...(Object.keys(NUMBER_ARRAYS) as NumberType[])), fc.uint8Array({ maxLength: 12 }))
  .map(([elementType, elements]) => {
    const isBig = elementType === "uint64" || elementType === "int64";
    const value = isBig
      ? NUMBER_ARRAYS[elementType].from(Array.from(elements, BigInt))
      : NUMBER_ARRAYS[elementType].from(elements);
    return { type: "array", elementType, value } as const;
  });
const value: fc.Arbitrary<MetadataValue> = fc.oneof(
  smallNumber,
  bigNumber,
  fc.record({ type: fc.constant("bool" as const), value: fc.boolean() }),
  fc.record({ type: fc.constant("string" as const), value: text }),
  numberArray,
  fc.record({
    type: fc.constant("array" as const),
    elementType: fc.constant("bool" as const),
    value: fc.array(fc.boolean(), { maxLength: 8 }),
  }),
  fc.record({
    type: fc.constant("array" as const),
    elementType: fc.constant("string" as const),
    value: fc.array(text, { maxLength: 8 }),
  }),
);
const metadata = fc
  .uniqueArray(fc.tuple(fc.string({ unit: "grapheme", minLength: 1 }), value), {
    selector: ([key]) => key,
    maxLength: 8,
  })
  .map((pairs) => new Map(pairs));

/** Tensors whose every byte is known: byte i of tensor t is (7 t + i) mod 256. */
const tensors = fc
  .array(
    fc.record({
      type: fc.constantFrom(...TENSOR_TYPE_NAMES),
      numBlocks: fc.integer({ min: 1, max: 3 }),
      rest: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    }),
    { maxLength: 5 },
  )
  .map((specs) =>
    specs.map(({ type, numBlocks, rest }, t): TensorSource => {
      const shape = [numBlocks * tensorType(type).blockSize, ...rest];
      return { name: `tensor.${t}`, type, shape, data: () => pieces(dataOf(t, byteCount(type, shape))) };
    }),
  );

function byteCount(type: TensorSource["type"], shape: readonly number[]): number {
  return rowBytes(type, shape[0] as number) * shape.slice(1).reduce((a, b) => a * b, 1);
}

function dataOf(t: number, numBytes: number): Uint8Array {
  return Uint8Array.from({ length: numBytes }, (_, i) => (7 * t + i) % 256);
}

function* pieces(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 100) yield bytes.subarray(start, start + 100);
}

test("what was written is read back: every value with its type, every tensor with its bytes", async () => {
  const path = join(directory, "round-trip.gguf");
  await fc.assert(
    fc.asyncProperty(metadata, tensors, fc.constantFrom(8, 32, 64), async (pairs, sources, alignment) => {
      const written = new Map<string, MetadataValue>([
        ...pairs,
        ["general.alignment", { type: "uint32", value: alignment }],
      ]);
      await writeGguf(path, written, sources);
      const file = await readGguf(path);

      expect([...file.metadata.keys()]).toEqual([...written.keys()]);
      for (const [key, entry] of written) expect(file.metadata.raw(key)).toEqual(entry);
      expect(file.alignment).toBe(alignment);

      expect([...file.tensors.keys()]).toEqual(sources.map(({ name }) => name));
      await using reader = await TensorReader.open(file);
      for (const [t, { name, type, shape }] of sources.entries()) {
        const info = file.tensors.get(name);
        if (info === undefined) throw new TypeError(`${name} was not read`);
        expect(info).toMatchObject({
          type,
          typeId: tensorType(type).id,
          shape,
          sizeBytes: byteCount(type, shape),
        });
        expect(info.offsetBytes % alignment).toBe(0);
        const bytes = new Uint8Array(info.sizeBytes);
        await reader.readInto(info, bytes);
        expect(bytes).toEqual(dataOf(t, info.sizeBytes));
      }
    }),
    { numRuns: 150 },
  );
});

test("equal input gives equal bytes", async () => {
  const [first, second] = [join(directory, "a.gguf"), join(directory, "b.gguf")];
  const pairs = new Map<string, MetadataValue>([["name", { type: "string", value: "Zoë" }]]);
  const source = (): TensorSource => ({
    name: "w",
    type: "Q4_0",
    shape: [64, 2],
    data: () => [dataOf(1, 72)],
  });
  await writeGguf(first, pairs, [source()]);
  await writeGguf(second, pairs, [source()]);
  expect(readFileSync(first)).toEqual(readFileSync(second));
});

test("a header that is larger than the first read is read whole", async () => {
  const path = join(directory, "large.gguf");
  const tokens = Array.from({ length: 120_000 }, (_, i) => (i % 3 === 0 ? `Ġé${i}` : `token-${i}-of-many`));
  await writeGguf(
    path,
    new Map<string, MetadataValue>([
      ["tokens", { type: "array", elementType: "string", value: tokens }],
      ["after", { type: "uint32", value: 7 }],
    ]),
    [{ name: "w", type: "F32", shape: [2], data: () => [dataOf(0, 8)] }],
  );
  const file = await readGguf(path);
  expect(file.dataOffset).toBeGreaterThan(2 ** 21);
  expect(file.metadata.strings("tokens")).toEqual(tokens);
  expect(file.metadata.number("after")).toBe(7);
});

test("a source that yields too few or too many bytes is refused and leaves no file", async () => {
  const path = join(directory, "refused.gguf");
  for (const numBytes of [7, 9]) {
    const source: TensorSource = { name: "w", type: "F32", shape: [2], data: () => [dataOf(0, numBytes)] };
    await expect(writeGguf(path, new Map(), [source])).rejects.toThrow(
      /w: its source yielded .* where 8 belong/,
    );
  }
  expect(readdirSync(directory).filter((name) => name.startsWith("refused"))).toEqual([]);
});

test("an aborted write leaves the file that was there and no temporary one", async () => {
  const path = join(directory, "aborted.gguf");
  await writeGguf(path, new Map([["old", { type: "bool", value: true }]]), []);
  const source: TensorSource = {
    name: "w",
    type: "F32",
    shape: [2],
    data: () => [dataOf(0, 4), dataOf(0, 4)],
  };
  const controller = new AbortController();
  const writing = writeGguf(path, new Map(), [source], {
    onProgress: () => controller.abort(new DOMException("enough", "AbortError")),
    signal: controller.signal,
  });
  await expect(writing).rejects.toThrow("enough");
  expect((await readGguf(path)).metadata.boolean("old")).toBe(true);
  expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a directory that cannot be written is refused by code", async () => {
  const path = join(directory, "missing", "model.gguf");
  await expect(writeGguf(path, new Map(), [])).rejects.toMatchObject({ code: "DIRECTORY_NOT_WRITABLE" });
});

test.each([
  ["an empty key", new Map([["", { type: "bool", value: true }]]), []],
  ["half a surrogate pair", new Map([["key", { type: "string", value: "\ud800" }]]), []],
  [
    "an alignment that is no power of two",
    new Map([["general.alignment", { type: "uint32", value: 48 }]]),
    [],
  ],
  ["a tensor without a name", new Map(), [{ name: "", type: "F32", shape: [1] }]],
  ["two tensors of one name", new Map(), [1, 2].map(() => ({ name: "w", type: "F32", shape: [1] }))],
  ["a tensor of five dimensions", new Map(), [{ name: "w", type: "F32", shape: [1, 1, 1, 1, 1] }]],
  ["a dimension of zero", new Map(), [{ name: "w", type: "F32", shape: [4, 0] }]],
  ["a row that is no whole number of blocks", new Map(), [{ name: "w", type: "Q4_0", shape: [33] }]],
] as [string, Map<string, MetadataValue>, Omit<TensorSource, "data">[]][])(
  "the writer refuses %s",
  async (_, pairs, descriptions) => {
    const sources = descriptions.map((description): TensorSource => ({ ...description, data: () => [] }));
    await expect(writeGguf(join(directory, "never.gguf"), pairs, sources)).rejects.toThrow(RangeError);
  },
);
