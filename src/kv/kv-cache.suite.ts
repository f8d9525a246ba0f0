import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import { ggml } from "../ffi/ggml/symbols.ts";
import { getTensor } from "../ffi/ggml/tensor-arena.ts";
import { F32 } from "../ffi/ggml/tensor-type.ts";
import { liveNative } from "../ffi/live.ts";
import { type AttentionShape, bytesPerToken, type KvCache } from "./kv-cache.ts";

/** Makes an empty cache of the implementation under test. */
type NewCache = (shape: AttentionShape, backend: CpuBackend) => KvCache;

/** Queries, keys and values of a run of tokens in one layer: `[token][head][headDim]`. */
interface Rows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

const SHAPE: AttentionShape = { numLayers: 2, numHeads: 6, numKvHeads: 2, headDim: 32 };
/** Head counts and widths as models have them, and odd ones. */
const SHAPES: readonly AttentionShape[] = [
  SHAPE,
  { numLayers: 1, numHeads: 7, numKvHeads: 1, headDim: 64 },
  { numLayers: 3, numHeads: 4, numKvHeads: 4, headDim: 48 },
  { numLayers: 1, numHeads: 1, numKvHeads: 1, headDim: 16 },
  { numLayers: 1, numHeads: 12, numKvHeads: 4, headDim: 80 },
  { numLayers: 1, numHeads: 3, numKvHeads: 3, headDim: 128 },
];
/** Batches that follow one another: single tokens, both sides of pages and paddings, several at once. */
const BATCHES: readonly number[] = [1, 1, 5, 250, 1, 255, 1, 40, 513, 2];
/** Of their tokens, those whose attention is computed again by definition. */
const COMPARED: readonly number[] = [
  0, 1, 2, 6, 7, 255, 256, 257, 511, 512, 513, 552, 553, 800, 1_066, 1_068,
];

export interface KvCacheSuiteOptions {
  readonly newCache: NewCache;
  /** How far attention over values of deviation 1 may be from its definition. */
  readonly tolerance: number;
}

/** What every {@link KvCache} must do, for the one that `newCache` makes. */
export function kvCacheSuite({ newCache, tolerance }: KvCacheSuiteOptions): void {
  let backend: CpuBackend;

  beforeAll(() => {
    backend = new CpuBackend({ threads: 2 });
  });

  afterAll(() => {
    backend[Symbol.dispose]();
  });

  /** Appends `rows`, one entry a layer, in one graph. Answers each layer's attention. */
  async function attend(
    cache: KvCache,
    shape: AttentionShape,
    rows: readonly Rows[],
  ): Promise<Float32Array[]> {
    const { numHeads, numKvHeads, headDim } = shape;
    const numTokens = (rows[0]?.q.length ?? 0) / (numHeads * headDim);
    cache.reserve(numTokens);
    using graph = new GraphBuilder(backend.bufferType, 256);
    const step = cache.step(graph, numTokens);
    const outputs = rows.map(({ q, k, v }, layer) => {
      const input = (data: Float32Array, heads: number) =>
        graph.input(F32, [headDim, heads, numTokens], () => data);
      const qkv = { q: input(q, numHeads), k: input(k, numKvHeads), v: input(v, numKvHeads) };
      return graph.output(step.attend(graph, layer, qkv));
    });
    graph.allocate();
    step.prepare();
    graph.fillInputs();
    await backend.compute(graph.graph);
    step.check();
    cache.commit(numTokens);
    return outputs.map((output) => {
      const data = new Float32Array(numTokens * numHeads * headDim);
      getTensor(output, data);
      return data;
    });
  }

  /** Appends a batch of each size in turn, from one text of random rows. Answers all outputs, a list a layer. */
  async function attendAll(
    cache: KvCache,
    shape: AttentionShape,
    text: readonly Rows[],
    batches: readonly number[],
  ): Promise<readonly Float32Array[]> {
    const parts: Float32Array[][] = [];
    for (const numTokens of batches) {
      const { length } = cache;
      parts.push(
        await attend(
          cache,
          shape,
          text.map((rows) => sliceRows(rows, shape, length, numTokens)),
        ),
      );
    }
    return text.map((_, layer) => concat(parts.map((outputs) => outputs[layer] ?? new Float32Array())));
  }

  describe.each(SHAPES)("of $numHeads heads on $numKvHeads of $headDim in $numLayers layers", (shape) => {
    test("attends to all that came before, and to nothing after, as the definition says", async () => {
      using cache = newCache(shape, backend);
      const numTokens = BATCHES.reduce((sum, n) => sum + n, 0);
      const text = randomText(shape, numTokens);
      const outputs = await attendAll(cache, shape, text, BATCHES);
      expect(cache.length).toBe(numTokens);
      for (const [layer, rows] of text.entries()) {
        for (const token of COMPARED) {
          const expected = attentionOf(token, shape, rows);
          const actual = outputs[layer]?.subarray(token * expected.length, (token + 1) * expected.length);
          expect(largestDifference(expected, actual), `layer ${layer}, token ${token}`).toBeLessThan(
            tolerance,
          );
        }
      }
    });
  });

  test("computes the same whether its room was made at once or grew", async () => {
    const text = randomText(SHAPE, 1_200);
    const batches = [300, 300, 300, 300];
    using grown = newCache(SHAPE, backend);
    using roomy = newCache(SHAPE, backend);
    roomy.reserve(1_200);
    const before = roomy.allocatedBytes;
    expect(before).toBeGreaterThan(grown.allocatedBytes);
    const expected = await attendAll(grown, SHAPE, text, batches);
    expect(await attendAll(roomy, SHAPE, text, batches)).toEqual(expected);
    expect(roomy.allocatedBytes).toBe(before);
  });

  test("forgets what is cut off, as if it had never been there", async () => {
    const text = randomText(SHAPE, 900);
    using cut = newCache(SHAPE, backend);
    await attendAll(cut, SHAPE, text, [900]);
    cut.truncate(300);
    expect(cut.length).toBe(300);
    const other = randomText(SHAPE, 600, 99);
    const spliced = text.map((rows, layer) => joinRows(sliceRows(rows, SHAPE, 0, 300), other[layer]));
    using fresh = newCache(SHAPE, backend);
    const expected = await attendAll(fresh, SHAPE, spliced, [300, 1, 599]);
    const actual = await attendAll(cut, SHAPE, spliced, [1, 599]);
    const rowLength = SHAPE.numHeads * SHAPE.headDim;
    expect(actual).toEqual(expected.map((output) => output.subarray(300 * rowLength)));
  });

  test("counts its bytes", async () => {
    using cache = newCache(SHAPE, backend);
    expect(cache.length).toBe(0);
    expect(cache.payloadBytes).toBe(0);
    await attendAll(cache, SHAPE, randomText(SHAPE, 700), [700]);
    // 2 (keys and values) · layers · KV heads · head width · tokens · 2 bytes
    expect(cache.payloadBytes).toBe(2 * 2 * 2 * 32 * 700 * 2);
    expect(cache.payloadBytes).toBe(700 * bytesPerToken(SHAPE));
    expect(cache.allocatedBytes).toBeGreaterThanOrEqual(cache.payloadBytes);
    expect(cache.allocatedBytes).toBeLessThan(3 * cache.payloadBytes);
    cache.truncate(10);
    expect(cache.payloadBytes).toBe(10 * bytesPerToken(SHAPE));
  });

  test("serves one built graph for one token after another", async () => {
    const text = randomText(SHAPE, 40);
    using rebuilt = newCache(SHAPE, backend);
    const expected = await attendAll(rebuilt, SHAPE, text, Array<number>(40).fill(1));

    using cache = newCache(SHAPE, backend);
    using graph = new GraphBuilder(backend.bufferType, 256);
    cache.reserve(40);
    const step = cache.step(graph, 1);
    const outputs = text.map((rows, layer) => {
      const input = (name: keyof Rows, heads: number) =>
        graph.input(F32, [SHAPE.headDim, heads, 1], () => sliceRows(rows, SHAPE, cache.length, 1)[name]);
      const qkv = { q: input("q", 6), k: input("k", 2), v: input("v", 2) };
      return graph.output(step.attend(graph, layer, qkv));
    });
    graph.allocate();
    for (let i = 0; i < 40; i++) {
      expect(step.serves(1)).toBe(true);
      expect(step.serves(2)).toBe(false);
      step.prepare();
      graph.fillInputs();
      await backend.compute(graph.graph);
      step.check();
      cache.commit(1);
      const rowLength = SHAPE.numHeads * SHAPE.headDim;
      for (const [layer, output] of outputs.entries()) {
        const data = new Float32Array(rowLength);
        getTensor(output, data);
        expect(data).toEqual(expected[layer]?.subarray(i * rowLength, (i + 1) * rowLength));
      }
    }
  });

  test.each([-1, 6])("refuses to be cut to %i of 5 tokens", async (length) => {
    using cache = newCache(SHAPE, backend);
    await attendAll(cache, SHAPE, randomText(SHAPE, 5), [5]);
    expect(() => cache.truncate(length)).toThrow(RangeError);
    expect(cache.length).toBe(5);
  });

  test("refuses a batch that no room was made for", () => {
    using cache = newCache(SHAPE, backend);
    using graph = new GraphBuilder(backend.bufferType, 256);
    expect(() => cache.step(graph, 10_000)).toThrow(RangeError);
  });

  test("gives all its memory back, grown and cut, over and over", async () => {
    const text = randomText(SHAPE, 700);
    const before = liveNative();
    for (let i = 0; i < 50; i++) {
      using cache = newCache(SHAPE, backend);
      await attendAll(cache, SHAPE, text, [700]);
      cache.truncate(100);
      cache.reserve(2_000);
    }
    expect(liveNative()).toEqual(before);
  });
}

/** Random rows, one entry a layer; scores of deviation 2, so that attention is neither flat nor one key. */
function randomText(
  { numLayers, numHeads, numKvHeads, headDim }: AttentionShape,
  numTokens: number,
  seed = 1,
): Rows[] {
  let state = seed;
  // Sums of uniform numbers are near enough to normal ones.
  const next = (): number => {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      sum += state / 2 ** 32 - 0.5;
    }
    return sum * Math.sqrt(3);
  };
  const draw = (heads: number, scale: number): Float32Array =>
    Float32Array.from({ length: numTokens * heads * headDim }, () => scale * next());
  return Array.from({ length: numLayers }, () => ({
    q: draw(numHeads, Math.SQRT2),
    k: draw(numKvHeads, Math.SQRT2),
    v: draw(numKvHeads, 1),
  }));
}

function sliceRows(
  { q, k, v }: Rows,
  { numHeads, numKvHeads, headDim }: AttentionShape,
  first: number,
  count: number,
): Rows {
  const slice = (data: Float32Array, heads: number): Float32Array =>
    data.subarray(first * heads * headDim, (first + count) * heads * headDim);
  return { q: slice(q, numHeads), k: slice(k, numKvHeads), v: slice(v, numKvHeads) };
}

function joinRows(
  a: Rows,
  b: Rows = { q: a.q.subarray(0, 0), k: a.k.subarray(0, 0), v: a.v.subarray(0, 0) },
): Rows {
  return { q: concat([a.q, b.q]), k: concat([a.k, b.k]), v: concat([a.v, b.v]) };
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * `softmax(q kᵀ / √headDim) v` of one token over the tokens up to it, in double precision over keys and values in
 * halves: `[head][headDim]`.
 */
function attentionOf(
  token: number,
  { numHeads, numKvHeads, headDim }: AttentionShape,
  { q, k, v }: Rows,
): Float64Array {
  const numKeys = token + 1;
  const keys = toHalves(k.subarray(0, numKeys * numKvHeads * headDim));
  const values = toHalves(v.subarray(0, numKeys * numKvHeads * headDim));
  const output = new Float64Array(numHeads * headDim);
  for (let head = 0; head < numHeads; head++) {
    const kvHead = Math.floor(head / (numHeads / numKvHeads));
    const query = q.subarray((token * numHeads + head) * headDim, (token * numHeads + head + 1) * headDim);
    const keyAt = (j: number): number => (j * numKvHeads + kvHead) * headDim;
    const scores = Float64Array.from({ length: numKeys }, (_, j) => {
      const key = keys.subarray(keyAt(j), keyAt(j) + headDim);
      return query.reduce((dot, x, i) => dot + x * (key[i] ?? 0), 0) / Math.sqrt(headDim);
    });
    const max = scores.reduce((a, b) => Math.max(a, b));
    const weights = scores.map((score) => Math.exp(score - max));
    const sum = weights.reduce((a, b) => a + b);
    for (let i = 0; i < headDim; i++) {
      const mixed = weights.reduce((total, weight, j) => total + weight * (values[keyAt(j) + i] ?? 0), 0);
      output[head * headDim + i] = mixed / sum;
    }
  }
  return output;
}

function toHalves(numbers: Float32Array): Float32Array {
  const halves = new Uint16Array(numbers.length);
  ggml.ggml_fp32_to_fp16_row(Float32Array.from(numbers), halves, numbers.length);
  const rounded = new Float32Array(numbers.length);
  ggml.ggml_fp16_to_fp32_row(halves, rounded, numbers.length);
  return rounded;
}

function largestDifference(expected: Float64Array, actual: Float32Array = new Float32Array()): number {
  expect(actual).toHaveLength(expected.length);
  return expected.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - (actual[i] ?? Number.NaN))),
    0,
  );
}
