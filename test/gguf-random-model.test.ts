import { readdir, readFile, stat, truncate } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGguf } from "../src/gguf/reader.ts";
import { cachedRandomModel, writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import {
  loadReference,
  type ReferenceModel,
  type ReferenceRun,
  referenceForward,
} from "./gguf-reference-forward.ts";
import { klDivergence, worstDivergence } from "./support/divergence.ts";
import { Peer } from "./support/peer.ts";
import { randomTokens } from "./support/prompt.ts";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

const NUM_TOKENS = 500;
let peer: Peer;
let directory: TemporaryDirectory;

beforeAll(async () => {
  peer = await Peer.start();
  directory = await TemporaryDirectory.create();
});
afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

const SHAPES: readonly ModelShapeName[] = ["tiny-llama", "tiny-qwen2", "tiny-qwen3"];

describe.each(SHAPES)("a random %s, run in double precision over 500 tokens,", (shape) => {
  const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize);
  let path: string;
  let model: ReferenceModel;
  let run: ReferenceRun;

  beforeAll(async () => {
    path = directory.file(`${shape}.gguf`);
    await writeRandomModel(path, shape, "F32");
    model = await loadReference(path, shape);
    run = referenceForward(model, tokens);
  });

  test("has peaked attention in every layer", () => {
    for (const layer of run.peaks) {
      const late = layer.flatMap((head) => head.slice(-50));
      expect(mean(late)).toBeGreaterThan(0.3);
      expect(mean(late)).toBeLessThan(0.7);
    }
  });

  test("has informative next-token distributions, neither uniform nor certain", () => {
    const tops = run.logProbabilities
      .map((row) => Math.exp(row.reduce((a, b) => Math.max(a, b))))
      .sort((a, b) => a - b);
    expect(tops[Math.floor(0.1 * tops.length)]).toBeGreaterThan(0.1);
    expect(tops[Math.floor(0.9 * tops.length)]).toBeLessThan(0.95);
  });

  test("neither explodes nor fades from layer to layer", () => {
    const [first = 0, ...later] = run.residualRms;
    for (const rms of later) {
      expect(rms / first).toBeGreaterThan(1);
      expect(rms / first).toBeLessThan(1.5);
    }
  });

  test("owes its predictions to attention", () => {
    const start = tokens.slice(0, 60);
    const without = referenceForward(model, start, { attention: false });
    const divergences = without.logProbabilities.map((row, i) => {
      return klDivergence(run.logProbabilities[i] ?? row.subarray(0, 0), row);
    });
    expect(mean(divergences)).toBeGreaterThan(0.3);
  });

  test("gives the distributions that node-llama-cpp computes from the file", async () => {
    const positions = [0, 1, 17, 255, 499];
    const actual = await peer.distributions(path, tokens, positions);
    const expected = positions.map((position) => run.logProbabilities[position] ?? new Float64Array());
    // Single precision against double; what llama.cpp keeps of keys and values is F16.
    expect(worstDivergence(expected, actual)).toBeLessThan(5e-5);
  });
});

test("the same seed gives the same bytes, another seed and another layer other numbers", async () => {
  const [first, again, other] = ["a", "b", "c"].map((name) => directory.file(name)) as [
    string,
    string,
    string,
  ];
  await writeRandomModel(first, "tiny-llama", "Q8_0", { seed: 7 });
  await writeRandomModel(again, "tiny-llama", "Q8_0", { seed: 7 });
  await writeRandomModel(other, "tiny-llama", "Q8_0", { seed: 8 });
  const bytes = await readFile(first);
  expect(bytes.equals(await readFile(again))).toBe(true);

  const { tensors } = await readGguf(first);
  const otherBytes = await readFile(other);
  const partOf = (all: Buffer, name: string): Buffer => {
    const info = tensors.get(name);
    if (info === undefined) throw new RangeError(`there is no ${name}`);
    return all.subarray(info.offsetBytes, info.offsetBytes + info.sizeBytes);
  };
  for (const matrix of ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]) {
    const [zero, one] = [`blk.0.${matrix}.weight`, `blk.1.${matrix}.weight`];
    expect(partOf(bytes, zero).equals(partOf(bytes, one)), matrix).toBe(false);
    expect(partOf(bytes, zero).equals(partOf(otherBytes, zero)), matrix).toBe(false);
  }
});

test("K-quants where rows allow them, what llama.cpp falls back to where not, vectors always F32", async () => {
  const typesOf = async (shape: ModelShapeName, type: "Q4_K" | "Q6_K"): Promise<Record<string, string>> => {
    const path = directory.file(`${shape}-${type}.gguf`);
    await writeRandomModel(path, shape, type);
    return Object.fromEntries(
      [...(await readGguf(path)).tensors.values()].map((info) => [info.name, info.type]),
    );
  };
  const names = { query: "blk.0.attn_q.weight", norm: "blk.0.attn_norm.weight", bias: "blk.0.attn_q.bias" };
  expect(await typesOf("tiny-qwen2-k", "Q4_K")).toMatchObject({
    [names.query]: "Q4_K",
    [names.norm]: "F32",
    [names.bias]: "F32",
  });
  expect(await typesOf("tiny-qwen2-k", "Q6_K")).toMatchObject({ [names.query]: "Q6_K" });
  expect(await typesOf("tiny-qwen2", "Q4_K")).toMatchObject({
    [names.query]: "Q5_0",
    "token_embd.weight": "Q5_0",
  });
  expect(await typesOf("tiny-qwen2", "Q6_K")).toMatchObject({ [names.query]: "Q8_0" });
});

test("the vocabulary's type can differ from the layers'", async () => {
  const path = directory.file("output-type.gguf");
  await writeRandomModel(path, "tiny-llama", "Q4_0", { outputType: "Q8_0" });
  const { tensors } = await readGguf(path);
  expect(tensors.get("token_embd.weight")?.type).toBe("Q8_0");
  expect(tensors.get("output.weight")?.type).toBe("Q8_0");
  expect(tensors.get("blk.0.attn_q.weight")?.type).toBe("Q4_0");
});

test.each<ModelShapeName>(["tiny-llama", "tiny-qwen3"])(
  "every merge of %s joins two earlier tokens to a later one",
  async (shape) => {
    const path = directory.file(`${shape}-vocabulary.gguf`);
    await writeRandomModel(path, shape, "Q8_0");
    const { metadata } = await readGguf(path);
    const tokens = metadata.strings("tokenizer.ggml.tokens");
    expect(tokens).toHaveLength(MODEL_SHAPES[shape].vocabularySize);
    expect(new Set(tokens).size).toBe(tokens.length);
    const merges = metadata.strings("tokenizer.ggml.merges");
    for (const [rank, merge] of merges.entries()) {
      const [left = "", right = ""] = merge.split(" ");
      const joined = tokens.indexOf(left + right);
      expect(joined).toBe(256 + rank);
      for (const part of [left, right]) {
        const id = tokens.indexOf(part);
        expect(id).toBeGreaterThanOrEqual(0);
        expect(id).toBeLessThan(joined);
      }
    }
  },
);

test("a cached model is made on first use with progress, kept after, and made anew when damaged", async () => {
  const cache = directory.file("cache/of/models");
  const progress: number[] = [];
  const path = await cachedRandomModel("tiny-llama", "Q4_0", cache, {
    onProgress: (written, total) => progress.push(written / total),
  });
  expect(progress.at(-1)).toBe(1);
  const made = await stat(path);

  expect(await cachedRandomModel("tiny-llama", "Q4_0", cache)).toBe(path);
  expect((await stat(path)).mtimeMs).toBe(made.mtimeMs);
  expect(await cachedRandomModel("tiny-llama", "Q8_0", cache)).not.toBe(path);
  expect(await cachedRandomModel("tiny-llama", "Q4_0", cache, { seed: 2 })).not.toBe(path);

  await truncate(path, made.size / 2);
  expect(await cachedRandomModel("tiny-llama", "Q4_0", cache)).toBe(path);
  expect((await stat(path)).size).toBe(made.size);
  expect((await readdir(cache)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a cache directory that cannot be made is refused by code", async () => {
  const file = directory.file("a-file");
  await writeRandomModel(file, "tiny-llama", "Q4_0");
  const making = cachedRandomModel("tiny-llama", "Q4_0", `${file}/cache`);
  await expect(making).rejects.toMatchObject({ code: "DIRECTORY_NOT_WRITABLE" });
});
