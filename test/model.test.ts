import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveNative } from "../src/ffi/live.ts";
import { TENSOR_TYPE_NAMES, type TensorTypeName, tensorBytes } from "../src/gguf/tensor-types.ts";
import { loadModel, type Model } from "../src/index.ts";
import { logProbabilities, worstDivergence } from "./support/divergence.ts";
import { editGguf } from "./support/gguf-edit.ts";
import { ATTENTION_BACKENDS } from "./support/parts.ts";
import { randomTokens } from "./support/prompt.ts";
import { TinyModel } from "./support/tiny-model.ts";

const VOCABULARY_SIZE = 512;
/** Several batches. */
const LONG = randomTokens(1_800, VOCABULARY_SIZE);

let file: TinyModel;

beforeAll(async () => {
  file = await TinyModel.write("tiny-llama-k", "F32");
});

afterAll(async () => {
  await file[Symbol.asyncDispose]();
});

function load(attentionBackend = ATTENTION_BACKENDS[0]): Promise<Model> {
  return loadModel(file.path, { threads: 1, ...(attentionBackend && { attentionBackend }) });
}

describe("loading", () => {
  test("reports its progress, from nothing to all", async () => {
    const shares: number[] = [];
    await using model = await loadModel(file.path, { threads: 1, onProgress: (share) => shares.push(share) });
    expect(model.path).toBe(file.path);
    expect(shares.length).toBeGreaterThan(5);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[0]).toBeGreaterThan(0);
    expect(shares.at(-1)).toBe(1);
  });

  test("several models side by side keeps them apart", async () => {
    await using other = await TinyModel.write("tiny-qwen3", "Q8_0");
    await using a = await load();
    await using b = await loadModel(other.path, { threads: 1 });
    const [fromA] = await a.logits([1, 2, 3]);
    const [fromB] = await b.logits([1, 2, 3]);
    expect(fromA).toHaveLength(512);
    expect(fromB).toHaveLength(521);
    expect(await a.logits([1, 2, 3])).toEqual([fromA]);
  });

  test("accounts for its memory", async () => {
    await using model = await load();
    // F32: 4 bytes for each of the embedding's 512 · 256 numbers, and more in the layers.
    expect(model.memory.weightBytes).toBeGreaterThan(4 * 512 * 256);
    expect(model.memory.kvBytes).toBe(0);
    await model.logits([1, 2, 3]);
    expect(model.memory.computeBytes).toBeGreaterThan(0);
    expect(model.memory.kvBytes).toBe(0);
  });
});

describe.each(ATTENTION_BACKENDS)("logits, attention by %s,", (attentionBackend) => {
  let model: Model;

  beforeAll(async () => {
    model = await load(attentionBackend);
  });

  afterAll(async () => {
    await model.close();
  });

  test("come in the order of the positions asked for, as often as asked", async () => {
    const tokens = LONG.slice(0, 600);
    const ascending = await model.logits(tokens, { positions: [0, 511, 512, 599] });
    const shuffled = await model.logits(tokens, { positions: [599, 0, 512, 511, 0] });
    expect(shuffled).toEqual([3, 0, 2, 1, 0].map((i) => ascending[i]));
    // One row of logits and several are added up in another order.
    const last = (await model.logits(tokens)).map(logProbabilities);
    expect(worstDivergence(ascending.slice(3).map(logProbabilities), last)).toBeLessThan(1e-9);
  });

  test("of two prompts at once are those of one after the other", async () => {
    const other = LONG.toReversed();
    const expected = [await model.logits(LONG), await model.logits(other)];
    expect(await Promise.all([model.logits(LONG), model.logits(other)])).toEqual(expected);
  });

  test("are the same each time", async () => {
    const prompt = LONG.slice(0, 700);
    const first = await model.logits(prompt);
    for (let i = 0; i < 3; i++) expect(await model.logits(prompt)).toEqual(first);
  });

  test("are given up when the signal fires, and leave nothing behind", async () => {
    const expected = await model.logits(LONG);
    const before = liveNative();
    for (let i = 0; i < 50; i++) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), i % 5);
      await expect(model.logits(LONG, { signal: stop.signal })).rejects.toMatchObject({ code: "ABORTED" });
    }
    expect(liveNative()).toEqual(before);
    expect(model.memory.kvBytes).toBe(0);
    expect(await model.logits(LONG)).toEqual(expected);
  });
});

describe("a closed model", () => {
  test("refuses everything", async () => {
    const model = await load();
    await model.close();
    await expect(model.logits([1])).rejects.toMatchObject({ code: "DISPOSED" });
    expect(() => model.createChat()).toThrow(expect.objectContaining({ code: "DISPOSED" }));
    expect(() => model.memory).toThrow(expect.objectContaining({ code: "DISPOSED" }));
    expect(() => model.vocabulary.encode("a")).toThrow(expect.objectContaining({ code: "DISPOSED" }));
  });

  test("is closed once", async () => {
    const before = liveNative();
    const model = await load();
    await Promise.all([model.close(), model.close()]);
    await model.close();
    expect(liveNative()).toEqual(before);
  });

  test.each(ATTENTION_BACKENDS)("ends what it was doing with an error, attention by %s", async (backend) => {
    const before = liveNative();
    for (let i = 0; i < 10; i++) {
      const model = await load(backend);
      const reading = model.logits(LONG);
      const outcome = reading.catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, 2 * i));
      await model.close();
      expect(await outcome).toMatchObject({ code: "DISPOSED" });
    }
    expect(liveNative()).toEqual(before);
  });
});

describe("every type of tensor that files can hold", () => {
  /** Types for activations, and plain numbers that are no weights. */
  const REFUSED: readonly TensorTypeName[] = ["Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"];

  test.each(TENSOR_TYPE_NAMES)(
    "is computed with or refused, as a matrix and as an embedding: %s",
    async (type) => {
      for (const name of ["blk.1.attn_output.weight", "token_embd.weight"]) {
        const path = file.file("retyped.gguf");
        await editGguf(file.path, path, ({ tensors }) => {
          const tensor = tensors.get(name);
          if (tensor === undefined) throw new RangeError(`no tensor ${name}`);
          tensors.set(name, { ...tensor, type, bytes: new Uint8Array(tensorBytes(type, tensor.shape)) });
        });
        const loading = loadModel(path, { threads: 1 });
        if (REFUSED.includes(type)) {
          await expect(loading).rejects.toMatchObject({ code: "MODEL_UNSUPPORTED" });
          continue;
        }
        await using model = await loading;
        // One token and several take different paths through ggml.
        for (const tokens of [[5], [5, 6, 7, 8, 9]]) {
          const [logits = new Float32Array()] = await model.logits(tokens);
          expect(logits).toHaveLength(VOCABULARY_SIZE);
          expect(logits.every(Number.isFinite)).toBe(true);
        }
      }
    },
  );
});
