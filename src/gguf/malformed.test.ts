import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { isRondoError, type RondoErrorCode } from "../core/errors.ts";
import { HeaderBytes } from "./header-bytes.ts";
import { MAX_ARRAY_ELEMENTS, MAX_METADATA_PAIRS, MAX_STRING_BYTES, MAX_TENSORS } from "./limits.ts";
import { readGguf } from "./reader.ts";
import { TensorReader } from "./tensor-data.ts";

const directory = mkdtempSync(join(tmpdir(), "rondo-malformed-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** `enum gguf_type`, as far as the tests write it. */
const TYPE = { uint32: 4, bool: 7, string: 8, array: 9 } as const;
const HUGE = 2n ** 63n;

// The files are put together by hand: a writer that refuses nonsense could not write them.

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function str(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([u64(bytes.length), bytes]);
}

interface Parts {
  readonly magic?: string;
  readonly version?: number;
  readonly numTensors?: number | bigint;
  readonly numPairs?: number | bigint;
  readonly pairs?: readonly Buffer[];
  readonly tensors?: readonly Buffer[];
  readonly dataBytes?: number;
}

function gguf(parts: Parts): Buffer {
  const { magic = "GGUF", version = 3, pairs = [], tensors = [], dataBytes = 0 } = parts;
  const header = Buffer.concat([
    Buffer.from(magic, "latin1"),
    u32(version),
    u64(parts.numTensors ?? tensors.length),
    u64(parts.numPairs ?? pairs.length),
    ...pairs,
    ...tensors,
  ]);
  const padding = tensors.length === 0 ? 0 : (32 - (header.length % 32)) % 32;
  return Buffer.concat([header, Buffer.alloc(padding + dataBytes)]);
}

function pair(key: string | Buffer, type: number, ...value: readonly Buffer[]): Buffer {
  return Buffer.concat([str(key), u32(type), ...value]);
}

interface TensorParts {
  readonly name?: string;
  readonly dims?: readonly (number | bigint)[];
  readonly type?: number;
  readonly offset?: number | bigint;
  readonly numDims?: number;
}

function tensor({
  name = "w",
  dims = [8],
  type = 0,
  offset = 0,
  numDims = dims.length,
}: TensorParts): Buffer {
  return Buffer.concat([str(name), u32(numDims), ...dims.map(u64), u32(type), u64(offset)]);
}

let numFiles = 0;
function fileOf(bytes: Buffer): string {
  const path = join(directory, `${numFiles++}.gguf`);
  writeFileSync(path, bytes);
  return path;
}

async function codeOf(path: string): Promise<RondoErrorCode | "read"> {
  try {
    await readGguf(path);
    return "read";
  } catch (error) {
    if (!isRondoError(error)) throw error;
    expect(error.message).toContain(`reading ${path}: `);
    return error.code;
  }
}

const sound = gguf({
  pairs: [
    pair("general.architecture", TYPE.string, str("llama")),
    pair("flag", TYPE.bool, Buffer.of(1)),
    pair("tokens", TYPE.array, u32(TYPE.string), u64(3), str("a"), str("Ġé"), str("")),
    pair("numbers", TYPE.array, u32(TYPE.uint32), u64(2), u32(1), u32(2)),
  ],
  tensors: [tensor({ name: "a", dims: [32, 2], type: 2 }), tensor({ name: "b", dims: [3], offset: 64 })],
  dataBytes: 64 + 12,
});

test("the sound file that the malformed ones are made from is read", async () => {
  const file = await readGguf(fileOf(sound));
  expect(file.metadata.strings("tokens")).toEqual(["a", "Ġé", ""]);
  expect([...file.metadata.numbers("numbers")]).toEqual([1, 2]);
  expect(file.metadata.boolean("flag")).toBe(true);
  expect(file.tensors.get("b")).toEqual({
    name: "b",
    type: "F32",
    typeId: 0,
    shape: [3],
    offsetBytes: file.dataOffset + 64,
    sizeBytes: 12,
  });
  expect(file.sizeBytes).toBe(sound.length);
});

test("a version 2 file and a tensor without dimensions are read as ggml reads them", async () => {
  const file = await readGguf(fileOf(gguf({ version: 2, tensors: [tensor({ dims: [] })], dataBytes: 4 })));
  expect(file.version).toBe(2);
  expect(file.tensors.get("w")).toMatchObject({ shape: [1], sizeBytes: 4 });
});

test("a file cut at any byte is refused with a code", async () => {
  const path = fileOf(sound);
  for (let length = sound.length - 1; length >= 0; length--) {
    truncateSync(path, length);
    expect(await codeOf(path), `cut at ${length}`).toBe(length === 0 ? "MODEL_NOT_GGUF" : "MODEL_TRUNCATED");
  }
});

test("a file with any bytes changed is read or refused with a code, never crashes", async () => {
  const path = fileOf(sound);
  const change = fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 0, max: 255 }));
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(sound);
      for (const [at, byte] of changes) bytes[at] = byte;
      writeFileSync(path, bytes);
      outcomes.add(await codeOf(path));
    }),
    { numRuns: 600 },
  );
  expect([...outcomes]).toEqual(
    expect.arrayContaining(["read", "MODEL_CORRUPT", "MODEL_TRUNCATED", "MODEL_NOT_GGUF"]),
  );
});

test("no file, a directory and another kind of file are told apart", async () => {
  const folder = join(directory, "folder.gguf");
  mkdirSync(folder);
  expect(await codeOf(join(directory, "none.gguf"))).toBe("MODEL_NOT_FOUND");
  expect(await codeOf(folder)).toBe("MODEL_NOT_FOUND");
  expect(await codeOf(fileOf(Buffer.from("PK\u0003\u0004, a zip archive")))).toBe("MODEL_NOT_GGUF");
  expect(await codeOf(fileOf(Buffer.from("no")))).toBe("MODEL_NOT_GGUF");
});

describe("refused as unsupported, with the reason:", () => {
  test.each<[string, Buffer, RegExp]>([
    ["version 1", gguf({ version: 1 }), /version 1, supported are 2 and 3/],
    ["version 0", gguf({ version: 0 }), /version 0, supported/],
    ["a version to come", gguf({ version: 4 }), /version 4, supported/],
    ["a big-endian file", gguf({ version: 0x03000000 }), /big endian/],
    [
      "an unknown tensor type",
      gguf({ tensors: [tensor({ type: 77 })], dataBytes: 32 }),
      /type 77.*known are F32, F16, /,
    ],
    [
      "a removed tensor type",
      gguf({ tensors: [tensor({ type: 31 })], dataBytes: 32 }),
      /type 31.*known are F32, F16, /,
    ],
    [
      "an array of arrays",
      gguf({ pairs: [pair("k", TYPE.array, u32(TYPE.array), u64(0))] }),
      /"k" is an array of arrays/,
    ],
  ])("%s", async (_, bytes, message) => {
    const reading = readGguf(fileOf(bytes));
    await expect(reading).rejects.toMatchObject({
      code: "MODEL_UNSUPPORTED",
      message: expect.stringMatching(message),
    });
  });
});

describe("refused as corrupt, with the reason:", () => {
  const twice = pair("k", TYPE.bool, Buffer.of(1));
  const alignment = (value: number): Buffer => pair("general.alignment", TYPE.uint32, u32(value));
  test.each<[string, Buffer, RegExp]>([
    ["more pairs than the limit", gguf({ numPairs: MAX_METADATA_PAIRS + 1 }), /claims 65537 metadata pairs/],
    ["more tensors than the limit", gguf({ numTensors: MAX_TENSORS + 1 }), /claims 65537 tensors/],
    ["a negative count of pairs", gguf({ numPairs: HUGE }), /metadata pairs; at most/],
    ["a negative count of tensors", gguf({ numTensors: HUGE }), /tensors; at most/],
    ["an empty key", gguf({ pairs: [pair("", TYPE.bool, Buffer.of(1))] }), /key 0 of the metadata is empty/],
    [
      "a key that is too long",
      gguf({ pairs: [Buffer.concat([u64(65_536), u32(0), u32(0)])] }),
      /claims 65536 bytes/,
    ],
    [
      "a key that is not UTF-8",
      gguf({ pairs: [pair(Buffer.of(0xff), TYPE.bool, Buffer.of(1))] }),
      /not valid UTF-8/,
    ],
    ["a key that is there twice", gguf({ pairs: [twice, twice] }), /the key "k" is there twice/],
    ["a type that does not exist", gguf({ pairs: [pair("k", 13, Buffer.of(1))] }), /"k" has type 13/],
    ["a boolean of 2", gguf({ pairs: [pair("k", TYPE.bool, Buffer.of(2))] }), /"k" holds 2/],
    [
      "a string that is too long",
      gguf({ pairs: [pair("k", TYPE.string, u64(MAX_STRING_BYTES + 1))] }),
      /"k" claims 67108865 bytes/,
    ],
    [
      "a string of negative length",
      gguf({ pairs: [pair("k", TYPE.string, u64(HUGE))] }),
      /"k" claims .* bytes/,
    ],
    [
      "a string that is not UTF-8",
      gguf({ pairs: [pair("k", TYPE.string, str(Buffer.of(0x61, 0xc3)))] }),
      /"k" is not valid UTF-8/,
    ],
    [
      "a token that is not UTF-8",
      gguf({ pairs: [pair("k", TYPE.array, u32(TYPE.string), u64(1), str(Buffer.of(0xed, 0xa0, 0x80)))] }),
      /"k" is not valid UTF-8/,
    ],
    [
      "an array that is too long",
      gguf({ pairs: [pair("k", TYPE.array, u32(TYPE.uint32), u64(MAX_ARRAY_ELEMENTS + 1))] }),
      /"k" claims 16777217 elements/,
    ],
    [
      "an alignment of zero",
      gguf({ pairs: [alignment(0)] }),
      /general\.alignment must be .* but is uint32 0/,
    ],
    ["an alignment that is no power of two", gguf({ pairs: [alignment(48)] }), /general\.alignment/],
    ["an alignment that is too large", gguf({ pairs: [alignment(2 ** 21)] }), /general\.alignment/],
    [
      "an alignment of another type",
      gguf({ pairs: [pair("general.alignment", TYPE.string, str("32"))] }),
      /but is string/,
    ],
    [
      "a tensor without a name",
      gguf({ tensors: [tensor({ name: "" })], dataBytes: 32 }),
      /tensor 0 has no name/,
    ],
    ["a name ggml has no room for", gguf({ tensors: [tensor({ name: "x".repeat(64) })] }), /claims 64 bytes/],
    [
      "two tensors of one name",
      gguf({ tensors: [tensor({}), tensor({ offset: 32 })], dataBytes: 64 }),
      /the tensor "w" is there twice/,
    ],
    [
      "five dimensions",
      gguf({ tensors: [tensor({ numDims: 5, dims: [1, 1, 1, 1, 1] })], dataBytes: 32 }),
      /5 dimensions; at most 4/,
    ],
    [
      "four billion dimensions",
      gguf({ tensors: [tensor({ numDims: 2 ** 32 - 1 })], dataBytes: 32 }),
      /dimensions; at most 4/,
    ],
    [
      "a dimension of zero",
      gguf({ tensors: [tensor({ dims: [8, 0] })], dataBytes: 32 }),
      /\[8, 0\] has a dimension/,
    ],
    [
      "a negative dimension",
      gguf({ tensors: [tensor({ dims: [HUGE, 1] })], dataBytes: 32 }),
      /has a dimension/,
    ],
    [
      "rows that are no whole number of blocks",
      gguf({ tensors: [tensor({ dims: [31], type: 2 })], dataBytes: 64 }),
      /no multiple of 32, the block of Q4_0/,
    ],
    [
      "an offset that is not aligned",
      gguf({ tensors: [tensor({ offset: 4 })], dataBytes: 64 }),
      /starts at 4, not a multiple/,
    ],
    [
      "data that overlap",
      gguf({ tensors: [tensor({ dims: [9] }), tensor({ name: "v", offset: 32 })], dataBytes: 64 }),
      /the data of "w" and "v" overlap/,
    ],
  ])("%s", async (_, bytes, message) => {
    const reading = readGguf(fileOf(bytes));
    await expect(reading).rejects.toMatchObject({
      code: "MODEL_CORRUPT",
      message: expect.stringMatching(message),
    });
  });
});

describe("refused as truncated before anything of that size is allocated:", () => {
  test.each<[string, Buffer]>([
    ["pairs within the limit that the file has no room for", gguf({ numPairs: 60_000 })],
    ["tensors within the limit that the file has no room for", gguf({ numTensors: 60_000 })],
    ["a string of 60 MB", gguf({ pairs: [pair("k", TYPE.string, u64(60e6))] })],
    ["an array of 16 million strings", gguf({ pairs: [pair("k", TYPE.array, u32(TYPE.string), u64(16e6))] })],
    ["an array of 16 million numbers", gguf({ pairs: [pair("k", TYPE.array, u32(TYPE.uint32), u64(16e6))] })],
    [
      "a tensor larger than the file",
      gguf({ tensors: [tensor({ dims: [2 ** 40, 2 ** 40] })], dataBytes: 64 }),
    ],
    [
      "dimensions whose product overflows",
      gguf({ tensors: [tensor({ dims: [2 ** 32, 2 ** 32, 4] })], dataBytes: 64 }),
    ],
    ["a tensor that starts behind the end", gguf({ tensors: [tensor({ offset: 2 ** 40 })], dataBytes: 64 })],
    ["a tensor at a negative offset", gguf({ tensors: [tensor({ offset: HUGE })], dataBytes: 64 })],
    ["a tensor whose last byte is missing", gguf({ tensors: [tensor({})], dataBytes: 31 })],
  ])("%s", async (_, bytes) => {
    expect(await codeOf(fileOf(bytes))).toBe("MODEL_TRUNCATED");
  });
});

test("names out of a file cannot write control characters into the message", async () => {
  const key = "\u001b[31m\n\u009b1m\u202e";
  const reading = readGguf(fileOf(gguf({ pairs: [pair(key, 13, Buffer.of(1))] })));
  await expect(reading).rejects.toThrow('"\\u001b[31m\\n\\u009b1m\\u202e"');
});

test("a header longer than the limit is refused before the rest is read", async () => {
  const handle = await open(fileOf(Buffer.alloc(5000)), "r");
  try {
    const header = new HeaderBytes(handle, "model.gguf", 5000, 4096);
    await header.need(4096, "the start");
    expect(header.take(4096)).toHaveLength(4096);
    await expect(header.need(1, "a string")).rejects.toMatchObject({
      code: "MODEL_CORRUPT",
      message: "reading model.gguf: the header up to a string exceeds 4096 bytes",
    });
  } finally {
    await handle.close();
  }
});

test.skipIf(process.platform === "win32")("a named pipe is refused instead of waited for", async () => {
  const pipe = join(directory, "pipe.gguf");
  execFileSync("sh", ["-c", 'mkfifo "$0"', pipe]);
  expect(await codeOf(pipe)).toBe("MODEL_NOT_FOUND");
});

test("a file that changes its size between the header and the data is refused", async () => {
  const path = fileOf(sound);
  const file = await readGguf(path);
  truncateSync(path, file.dataOffset + 70);
  await expect(TensorReader.open(file)).rejects.toMatchObject({ code: "MODEL_CORRUPT" });
});

test("a file that shrinks while its data are read is refused", async () => {
  const path = fileOf(sound);
  const file = await readGguf(path);
  await using reader = await TensorReader.open(file);
  truncateSync(path, file.dataOffset + 70);
  const info = file.tensors.get("b");
  if (info === undefined) throw new TypeError("the fixture lacks b");
  await expect(reader.readInto(info, new Uint8Array(12))).rejects.toMatchObject({ code: "MODEL_TRUNCATED" });
});
