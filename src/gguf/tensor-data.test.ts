import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GgufFile, readGguf } from "./reader.ts";
import { TensorReader } from "./tensor-data.ts";
import type { TensorInfo } from "./tensor-info.ts";
import { writeGguf } from "./writer.ts";

const directory = mkdtempSync(join(tmpdir(), "rondo-tensor-data-"));
/** More than one read takes. */
const NUM_BYTES = 2 ** 24 + 1000;
const data = Buffer.alloc(NUM_BYTES);
for (let i = 0; i < NUM_BYTES; i += 997) data[i] = i % 251;
let file: GgufFile;
let info: TensorInfo;

beforeAll(async () => {
  const path = join(directory, "model.gguf");
  await writeGguf(path, new Map(), [{ name: "w", type: "I8", shape: [NUM_BYTES], data: () => [data] }]);
  file = await readGguf(path);
  const found = file.tensors.get("w");
  if (found === undefined) throw new TypeError("the fixture lacks w");
  info = found;
});
afterAll(() => rmSync(directory, { recursive: true }));

test("a tensor larger than one read arrives whole and reports its progress", async () => {
  await using reader = await TensorReader.open(file);
  const progress: number[] = [];
  const target = Buffer.alloc(NUM_BYTES);
  await reader.readInto(info, target, { onProgress: (readBytes) => progress.push(readBytes) });
  expect(target.equals(data)).toBe(true);
  expect(progress.length).toBeGreaterThan(1);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  expect(progress.at(-1)).toBe(NUM_BYTES);
});

test("a part of a tensor is read from where it starts", async () => {
  await using reader = await TensorReader.open(file);
  const target = Buffer.alloc(5000);
  await reader.readInto(info, target, { startBytes: 123_456 });
  expect(target.equals(data.subarray(123_456, 128_456))).toBe(true);
});

test("reading past a tensor is a RangeError", async () => {
  await using reader = await TensorReader.open(file);
  const target = new Uint8Array(2);
  await expect(reader.readInto(info, target, { startBytes: NUM_BYTES - 1 })).rejects.toThrow(RangeError);
  await expect(reader.readInto(info, target, { startBytes: -1 })).rejects.toThrow(RangeError);
});

test("an aborted read stops between two reads with the signal's reason", async () => {
  await using reader = await TensorReader.open(file);
  const controller = new AbortController();
  const reading = reader.readInto(info, Buffer.alloc(NUM_BYTES), {
    signal: controller.signal,
    onProgress: () => controller.abort(new DOMException("stop", "AbortError")),
  });
  await expect(reading).rejects.toThrow("stop");
});
