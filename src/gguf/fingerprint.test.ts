import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fingerprint } from "./fingerprint.ts";
import type { MetadataValue } from "./metadata-value.ts";
import { readGguf } from "./reader.ts";
import { writeGguf } from "./writer.ts";

const directory = mkdtempSync(join(tmpdir(), "rondo-fingerprint-"));
afterAll(() => rmSync(directory, { recursive: true }));

const NUM_FLOATS = 32_768;

async function modelFile(name: string, template: string): Promise<string> {
  const path = join(directory, name);
  const metadata = new Map<string, MetadataValue>([
    ["tokenizer.chat_template", { type: "string", value: template }],
  ]);
  const large = Buffer.alloc(4 * NUM_FLOATS, 1);
  await writeGguf(path, metadata, [
    { name: "large", type: "F32", shape: [NUM_FLOATS], data: () => [large] },
    { name: "small", type: "F32", shape: [2000], data: () => [Buffer.alloc(8000, 2)] },
  ]);
  return path;
}

async function fingerprintOf(path: string): Promise<string> {
  return fingerprint(await readGguf(path));
}

test("a copy has the same fingerprint, another template another", async () => {
  const path = await modelFile("a.gguf", "one");
  const copy = join(directory, "copy.gguf");
  copyFileSync(path, copy);
  expect(await fingerprintOf(copy)).toBe(await fingerprintOf(path));
  expect(await fingerprintOf(path)).toMatch(/^[0-9a-f]{64}$/);
  expect(await fingerprintOf(await modelFile("b.gguf", "two"))).not.toBe(await fingerprintOf(path));
});

test("a change at the start, in the middle or at the end of a tensor, or anywhere in a small one, is seen", async () => {
  const path = await modelFile("c.gguf", "one");
  const file = await readGguf(path);
  const original = await fingerprint(file);
  const [large, small] = [...file.tensors.values()];
  if (large === undefined || small === undefined) throw new TypeError("the fixture has two tensors");
  const places = [
    large.offsetBytes,
    large.offsetBytes + large.sizeBytes / 2,
    large.offsetBytes + large.sizeBytes - 1,
    small.offsetBytes + 4100,
    small.offsetBytes + small.sizeBytes - 1,
  ];
  for (const place of places) {
    const bytes = readFileSync(path);
    bytes[place] = (bytes[place] as number) ^ 1;
    const changed = join(directory, "changed.gguf");
    writeFileSync(changed, bytes);
    expect(await fingerprintOf(changed), `byte ${place}`).not.toBe(original);
  }
});

test("a file that is longer by one byte has another fingerprint", async () => {
  const path = await modelFile("d.gguf", "one");
  const longer = join(directory, "longer.gguf");
  writeFileSync(longer, Buffer.concat([readFileSync(path), Buffer.of(0)]));
  expect(await fingerprintOf(longer)).not.toBe(await fingerprintOf(path));
});
