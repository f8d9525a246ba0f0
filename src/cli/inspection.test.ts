import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MetadataValue } from "../gguf/metadata-value.ts";
import { type TensorSource, writeGguf } from "../gguf/writer.ts";
import { demoModelPath } from "./demo-model.ts";
import { inspectModel } from "./inspection.ts";
import { inspectionText } from "./inspection-text.ts";

let directory: string;
let demo: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rondo-inspection-"));
  demo = await readFile(demoModelPath());
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const text = (value: string): MetadataValue => ({ type: "string", value });
const u32 = (value: number): MetadataValue => ({ type: "uint32", value });

/** A copy of the demo model with its bytes changed. */
async function changedDemo(name: string, change: (bytes: Buffer) => Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, change(Buffer.from(demo)));
  return path;
}

async function write(name: string, metadata: Record<string, MetadataValue>): Promise<string> {
  const path = join(directory, name);
  const tensor: TensorSource = {
    name: "a.weight",
    type: "F32",
    shape: [8, 2],
    data: () => [new Uint8Array(64)],
  };
  await writeGguf(path, new Map(Object.entries(metadata)), [tensor]);
  return path;
}

describe("inspectModel", () => {
  it("finds the demo model supported, and its numbers agree with one another", async () => {
    const { sizeBytes, unsupported, content } = await inspectModel(demoModelPath());
    expect(unsupported).toEqual([]);
    expect(sizeBytes).toBe(demo.length);
    const h = content?.hyperparameters;
    if (content === undefined || h === undefined) throw new Error("nothing was found");
    expect(content.architecture).toBe("llama");
    expect(h.rope.mode).toBe("interleaved");
    expect(content.kvBytesPer1000Tokens).toBe(1000 * 2 * h.numLayers * h.numKvHeads * h.headDim * 2);
    const tensorBytes = content.tensorTypes.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(tensorBytes).toBeLessThan(sizeBytes);
    expect(tensorBytes).toBeGreaterThan(0.9 * sizeBytes);
    expect(content.numParameters).toBeGreaterThan(h.vocabularySize * h.embeddingLength);
    const { memory } = content;
    expect(memory?.kvBytes).toBe((h.contextLength * (content.kvBytesPer1000Tokens ?? 0)) / 1000);
    expect(memory?.totalBytes).toBeGreaterThan(tensorBytes);
    expect(content.chatTemplate).toContain("messages");
    const bos = content.specialTokens.find(({ name }) => name === "bos");
    expect(bos?.text).toMatch(/\S/);
  });

  it("describes an architecture that it does not know by what the file states", async () => {
    const path = await write("unknown.gguf", {
      "general.architecture": text("mamba9"),
      "general.name": text("Snake \u001b[31m"),
      "tokenizer.ggml.bos_token_id": u32(7),
      "tokenizer.ggml.tokens": { type: "array", elementType: "string", value: ["a", "b"] },
    });
    const inspection = await inspectModel(path);
    expect(inspection.unsupported).toEqual([expect.stringContaining('"mamba9"')]);
    expect(inspection.content).toMatchObject({
      numParameters: 16,
      hyperparameters: undefined,
      memory: undefined,
    });
    const shown = inspectionText(inspection);
    expect(shown).toMatch(/^unsupported +the architecture is "mamba9"; supported are .*llama/m);
    expect(shown).toMatch(/^tensors +F32 +1 tensor +64 bytes/m);
    expect(shown).toMatch(/bos +7 +not in the vocabulary/);
    expect(shown).toMatch(/^chat template +none/m);
  });

  it("shows the sizes of an unknown architecture that states them in the usual way, but no RoPE mode", async () => {
    const path = await write("usual.gguf", {
      "general.architecture": text("gemma9"),
      "gemma9.embedding_length": u32(64),
      "gemma9.block_count": u32(3),
      "gemma9.feed_forward_length": u32(128),
      "gemma9.attention.head_count": u32(4),
      "gemma9.attention.head_count_kv": u32(2),
      "gemma9.context_length": u32(2048),
      "gemma9.attention.layer_norm_rms_epsilon": { type: "float32", value: 1e-5 },
      "gemma9.rope.scaling.type": text("linear"),
      "gemma9.rope.scaling.factor": { type: "float32", value: 8 },
      "tokenizer.ggml.tokens": { type: "array", elementType: "string", value: ["a"] },
    });
    const { content, ...rest } = await inspectModel(path);
    expect(content?.hyperparameters).toMatchObject({ numLayers: 3, headDim: 16, rope: { mode: undefined } });
    expect(content?.kvBytesPer1000Tokens).toBe(1000 * 2 * 3 * 2 * 16 * 2);
    expect(inspectionText({ content, ...rest })).toMatch(/^RoPE .*mode unknown.*scaled linear, factor 8$/m);
  });

  it("says that a known architecture uses something that is not supported", async () => {
    const path = await changedDemo("tokenizer.gguf", (bytes) => {
      const key = bytes.indexOf("tokenizer.ggml.model");
      bytes.write("gptX", bytes.indexOf("gpt2", key), "latin1");
      return bytes;
    });
    const { unsupported, content } = await inspectModel(path);
    expect(unsupported).toEqual([expect.stringContaining("gptX")]);
    expect(content?.hyperparameters?.numLayers).toBeGreaterThan(0);
  });

  it.each([
    [
      "a tensor type",
      (bytes: Buffer) => {
        const name = "token_embd.weight";
        const type = bytes.indexOf(name) + name.length + 4 + 2 * 8;
        bytes.writeUInt32LE(250, type);
        return bytes;
      },
      "250",
    ],
    [
      "a version",
      (bytes: Buffer) => {
        bytes.writeUInt32LE(9, 4);
        return bytes;
      },
      "version 9",
    ],
  ])("says that %s is unknown, and the file's size", async (what, change, why) => {
    const path = await changedDemo(`${what}.gguf`, change);
    const inspection = await inspectModel(path);
    expect(inspection.unsupported).toEqual([expect.stringContaining(why)]);
    expect(inspection.content).toBeUndefined();
    expect(inspectionText(inspection)).toMatch(/^unsupported /m);
  });

  it.each([
    ["MODEL_NOT_GGUF", () => Buffer.from("no model at all")],
    ["MODEL_NOT_GGUF", () => Buffer.alloc(0)],
    ["MODEL_TRUNCATED", (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ["MODEL_MISSING_TENSOR", (bytes: Buffer) => rename(bytes, "blk.0.attn_q.weight", "blk.0.attn_x.weight")],
    ["MODEL_MISSING_KEY", (bytes: Buffer) => rename(bytes, "llama.block_count", "llama.block_xount")],
  ])("fails with %s on a broken file", async (code, change) => {
    const path = await changedDemo("broken.gguf", change);
    await expect(inspectModel(path)).rejects.toMatchObject({ code });
  });

  it("fails on a file that is not there and on a folder", async () => {
    await expect(inspectModel(join(directory, "none.gguf"))).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
    await expect(inspectModel(directory)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});

function rename(bytes: Buffer, from: string, to: string): Buffer {
  bytes.write(to, bytes.indexOf(from), "latin1");
  return bytes;
}
