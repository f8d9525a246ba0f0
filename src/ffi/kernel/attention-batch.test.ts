import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CpuBackend } from "../ggml/cpu-backend.ts";
import { GraphBuilder } from "../ggml/graph-builder.ts";
import type { Tensor } from "../ggml/handles.ts";
import { getTensor } from "../ggml/tensor-arena.ts";
import { F32 } from "../ggml/tensor-type.ts";
import { AttentionBatch, type AttentionDims, type AttentionParameters } from "./attention-batch.ts";
import { kvLayout } from "./layout.ts";
import { type ReferenceEntry, referenceAttention } from "./reference-attention.suite.ts";
import type { AttentionEntry, KvMemory, KvSegment, KvWrite } from "./segment-table.ts";
import { attentionKernel, type Kernel } from "./symbols.ts";

const NUM_LAYERS = 2;

/** Small numbers that are the same in every run. */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Page {
  readonly memory: KvMemory;
  readonly bytes: Uint8Array;
}

interface Problem {
  readonly dims: Required<AttentionDims>;
  readonly parameters: AttentionParameters;
  readonly sinks?: Float32Array;
  readonly layer: number;
  readonly entries: readonly {
    readonly past: readonly number[];
    readonly open: number;
    readonly rows: number;
  }[];
}

const kernel = attentionKernel();

// Where a clone has no compiler, ggml's own attention is used and there is nothing to test here.
describe.skipIf(kernel === undefined)("attention by the kernel, in a ggml graph", () => {
  let backend: CpuBackend;

  beforeAll(() => {
    backend = new CpuBackend({ threads: 2 });
  });

  afterAll(() => backend[Symbol.dispose]());

  function loaded(): Kernel {
    if (kernel === undefined) throw new TypeError("no kernel");
    return kernel;
  }

  function newPage({ numKvHeads, headDim, valueDim, kvType }: Required<AttentionDims>, tokens: number): Page {
    const layout = kvLayout({ numKvHeads, headDim, valueDim, type: kvType }, Math.max(1, tokens));
    // What was never written reads as NaN.
    const bytes = new Uint8Array(NUM_LAYERS * layout.layerBytes).fill(0xff);
    return {
      bytes,
      memory: { address: koffi.address(bytes), bytes: bytes.length, numLayers: NUM_LAYERS, layout },
    };
  }

  /** Runs `steps` batches over the same pages, one graph each, and answers the last one's results. */
  async function run(problem: Problem, seed: number) {
    const { dims, parameters, layer } = problem;
    const random = randomSource(seed);
    const floats = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => 2 * random() + 2 * random() - 2);
    const pages: Page[] = [];
    const reference: ReferenceEntry[] = [];
    const readers: AttentionEntry[] = [];
    let numRows = 0;
    for (const { past, open, rows } of problem.entries) {
      let position = 0;
      const segments: KvSegment[] = [];
      const contents: { keys: Float32Array; values: Float32Array }[] = [];
      for (const [i, length] of [...past, open + rows].entries()) {
        const page = newPage(dims, length + (i === past.length ? 20 : 0));
        const keys = floats(length * dims.numKvHeads * dims.headDim);
        const values = floats(length * dims.numKvHeads * dims.valueDim);
        pages.push(page);
        segments.push({ memory: page.memory, position, length, causal: i === past.length });
        contents.push({ keys, values });
        if (i < past.length) await store(dims, layer, page, 0, { keys, values });
        else
          await store(dims, layer, page, 0, {
            keys: keys.subarray(0, open * dims.numKvHeads * dims.headDim),
            values: values.subarray(0, open * dims.numKvHeads * dims.valueDim),
          });
        position += length;
      }
      const last = segments.at(-1);
      if (last === undefined) throw new TypeError("an entry has an open segment");
      const write: KvWrite = { memory: last.memory, firstRow: numRows, numRows: rows, firstSlot: open };
      const scoring = { first: Math.floor(rows / 3), count: Math.ceil(rows / 2) };
      const queries = floats(rows * dims.numHeads * dims.headDim);
      const entryPosition = last.position + open;
      readers.push({
        firstRow: numRows,
        numRows: rows,
        position: entryPosition,
        segments,
        writes: [write],
        scoring,
      });
      reference.push({ position: entryPosition, rows, queries, scoring, segments, contents });
      numRows += rows;
    }
    const openRows = (pick: "keys" | "values", dim: number): Float32Array =>
      concat(
        reference.map(({ contents, rows }) =>
          (contents.at(-1)?.[pick] ?? new Float32Array()).slice(-rows * dims.numKvHeads * dim),
        ),
      );
    const batch = new AttentionBatch(loaded(), dims, {
      numRows,
      numLayers: NUM_LAYERS,
      numThreads: backend.threads,
    });
    batch.update(readers);
    const result = await compute(
      batch,
      layer,
      {
        q: concat(reference.map(({ queries }) => queries)),
        k: openRows("keys", dims.headDim),
        v: openRows("values", dims.valueDim),
      },
      problem,
      numRows,
    );
    return {
      ...result,
      want: referenceAttention(dims, parameters, problem.sinks, reference),
      numRows,
      pages,
    };
  }

  /** Stores tokens through an attention that writes them and reads them back. */
  async function store(
    dims: Required<AttentionDims>,
    layer: number,
    page: Page,
    firstSlot: number,
    { keys, values }: { keys: Float32Array; values: Float32Array },
  ): Promise<void> {
    const numRows = keys.length / dims.numKvHeads / dims.headDim;
    if (numRows === 0) return;
    const batch = new AttentionBatch(loaded(), dims, {
      numRows,
      numLayers: NUM_LAYERS,
      numThreads: backend.threads,
    });
    const { memory } = page;
    batch.update([
      {
        firstRow: 0,
        numRows,
        position: firstSlot,
        segments: [{ memory, position: 0, length: firstSlot + numRows, causal: true }],
        writes: [{ memory, firstRow: 0, numRows, firstSlot }],
      },
    ]);
    const q = new Float32Array(numRows * dims.numHeads * dims.headDim);
    await compute(batch, layer, { q, k: keys, v: values }, { dims, parameters: { scale: 1 } }, numRows);
  }

  async function compute(
    batch: AttentionBatch,
    layer: number,
    data: { q: Float32Array; k: Float32Array; v: Float32Array },
    { dims, parameters, sinks }: Pick<Problem, "dims" | "parameters" | "sinks">,
    numRows: number,
  ) {
    using graph = new GraphBuilder(backend.bufferType, 64);
    const input = (width: number, heads: number, values: Float32Array): Tensor =>
      graph.input(F32, [width, heads, numRows], () => values);
    const nodes = batch.attend(
      graph,
      layer,
      {
        q: input(dims.headDim, dims.numHeads, data.q),
        k: input(dims.headDim, dims.numKvHeads, data.k),
        v: input(dims.valueDim, dims.numKvHeads, data.v),
      },
      sinks === undefined
        ? parameters
        : { ...parameters, sinks: graph.input(F32, [dims.numHeads], () => sinks) },
    );
    graph.output(nodes.output);
    if (nodes.masses !== undefined) graph.output(nodes.masses);
    graph.allocate();
    graph.fillInputs();
    await backend.compute(graph.graph);
    batch.checkStatus();
    const output = new Float32Array(numRows * dims.numHeads * dims.valueDim);
    getTensor(nodes.output, output);
    const masses = new Float32Array(nodes.masses === undefined ? 0 : dims.numHeads * batch.numSegments);
    if (nodes.masses !== undefined) getTensor(nodes.masses, masses);
    return { output, masses };
  }

  const shapes: readonly [string, Problem][] = [
    [
      "one token over three rounds",
      {
        dims: { numHeads: 14, numKvHeads: 2, headDim: 64, valueDim: 64, kvType: "f16" },
        parameters: { scale: 0.125, mass: "mean" },
        layer: 1,
        entries: [{ past: [33, 1, 500], open: 5, rows: 1 }],
      },
    ],
    [
      "a prompt of many tokens after an empty and a short round",
      {
        dims: { numHeads: 6, numKvHeads: 3, headDim: 48, valueDim: 80, kvType: "f16" },
        parameters: { scale: 0.2, mass: "max", softcap: 3 },
        layer: 0,
        entries: [{ past: [0, 17], open: 0, rows: 53 }],
      },
    ],
    [
      "three sequences with sinks in a sliding window",
      {
        dims: { numHeads: 4, numKvHeads: 4, headDim: 16, valueDim: 16, kvType: "f16" },
        parameters: { scale: 0.25, window: 40, mass: "mean" },
        sinks: Float32Array.of(0.5, -1, 2, 0),
        layer: 1,
        entries: [
          { past: [100], open: 0, rows: 1 },
          { past: [], open: 0, rows: 70 },
          { past: [16, 16], open: 15, rows: 2 },
        ],
      },
    ],
  ];

  it.each(shapes)("equals the double-precision reference: %s", async (_name, problem) => {
    const { output, masses, want, numRows } = await run(problem, 1);
    const { numHeads, valueDim } = problem.dims;
    for (let i = 0; i < numRows * numHeads; i++) {
      const of = (values: ArrayLike<number>) =>
        Array.from({ length: valueDim }, (_, c) => values[i * valueDim + c] ?? NaN);
      const size = Math.max(...of(want.output).map(Math.abs));
      const error = Math.max(...of(output).map((x, c) => Math.abs(x - (of(want.output)[c] ?? NaN))));
      expect(error / size).toBeLessThan(2e-3);
    }
    expect(masses.length).toBe(want.masses.length);
    masses.forEach((mass, i) => {
      expect(Math.abs(mass - (want.masses[i] ?? NaN))).toBeLessThan(2e-3);
    });
  });

  it("answers nearly the same from q8 keys and values, in half the memory", async () => {
    const [, problem] = shapes[0] ?? [];
    if (problem === undefined) throw new TypeError("no shape");
    const half = await run(problem, 2);
    const quantised = await run({ ...problem, dims: { ...problem.dims, kvType: "q8" } }, 2);
    const size = Math.max(...half.want.output.map(Math.abs));
    const error = Math.max(...quantised.output.map((x, i) => Math.abs(x - (half.want.output[i] ?? NaN))));
    expect(error / size).toBeLessThan(0.02);
    const bytes = (pages: readonly Page[]) => pages.reduce((sum, page) => sum + page.bytes.length, 0);
    expect(bytes(quantised.pages) / bytes(half.pages)).toBeLessThan(0.55);
  });

  it("serves again when segments grow, and refuses entries that need larger tensors", async () => {
    const dims = { numHeads: 2, numKvHeads: 1, headDim: 32, valueDim: 32, kvType: "f16" } as const;
    const page = newPage(dims, 64);
    const random = randomSource(3);
    const floats = (count: number) => Float32Array.from({ length: count }, () => random() - 0.5);
    const batch = new AttentionBatch(loaded(), dims, { numRows: 1, numLayers: 1, numThreads: 2 });
    const entry = (length: number): AttentionEntry => ({
      firstRow: 0,
      numRows: 1,
      position: length - 1,
      segments: [{ memory: page.memory, position: 0, length, causal: true }],
      writes: [{ memory: page.memory, firstRow: 0, numRows: 1, firstSlot: length - 1 }],
    });
    const keys: Float32Array[] = [];
    const values: Float32Array[] = [];
    using graph = new GraphBuilder(backend.bufferType, 64);
    let q = floats(64);
    const input = (heads: number, fill: () => Float32Array): Tensor => graph.input(F32, [32, heads, 1], fill);
    batch.update([entry(1)]);
    const inputs = {
      q: input(2, () => q),
      k: input(1, () => keys.at(-1) ?? new Float32Array(32)),
      v: input(1, () => values.at(-1) ?? new Float32Array(32)),
    };
    const { output } = batch.attend(graph, 0, inputs, { scale: 1 });
    graph.output(output);
    graph.allocate();
    for (let length = 1; length <= 40; length++) {
      batch.update([entry(length)]);
      keys.push(floats(32));
      values.push(floats(32));
      q = floats(64);
      graph.fillInputs();
      await backend.compute(graph.graph);
      batch.checkStatus();
    }
    const got = new Float32Array(64);
    getTensor(output, got);
    const contents = [{ keys: concat(keys), values: concat(values) }];
    const { segments } = entry(40);
    const scoring = { first: 0, count: 1 };
    const want = referenceAttention(dims, { scale: 1 }, undefined, [
      { position: 39, rows: 1, queries: q, scoring, segments, contents },
    ]);
    got.forEach((x, i) => {
      expect(Math.abs(x - (want.output[i] ?? NaN))).toBeLessThan(2e-3);
    });
    const twoRows = { ...entry(40), numRows: 2 };
    expect(() => batch.update([twoRows])).toThrow(RangeError);
  });

  it("keeps segments that are the same objects while its tables move and their places change", async () => {
    const dims = { numHeads: 2, numKvHeads: 2, headDim: 32, valueDim: 32, kvType: "f16" } as const;
    const random = randomSource(5);
    const floats = (count: number) => Float32Array.from({ length: count }, () => random() - 0.5);
    const contents = Array.from({ length: 9 }, () => ({ keys: floats(7 * 64), values: floats(7 * 64) }));
    const pages: Page[] = [];
    for (const content of contents) {
      const page = newPage(dims, 7);
      await store(dims, 0, page, 0, content);
      pages.push(page);
    }
    const segments = pages.map(({ memory }, i) => ({ memory, position: 7 * i, length: 7 }));
    const batch = new AttentionBatch(loaded(), dims, { numRows: 1, numLayers: 1, numThreads: 2 });
    using graph = new GraphBuilder(backend.bufferType, 64);
    const q = floats(64);
    const input = (values: Float32Array): Tensor => graph.input(F32, [32, 2, 1], () => values);
    const update = (chosen: readonly number[]): void =>
      batch.update([
        {
          firstRow: 0,
          numRows: 1,
          position: 63,
          segments: chosen.flatMap((i) => segments[i] ?? []),
          writes: [],
        },
      ]);
    update([0]);
    const inputs = { q: input(q), k: input(floats(64)), v: input(floats(64)) };
    const { output } = batch.attend(graph, 0, inputs, { scale: 1 });
    graph.output(output);
    graph.allocate();
    for (const chosen of [[0], [0, 1], [0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 8, 2], [5, 8]]) {
      update(chosen);
      graph.fillInputs();
      await backend.compute(graph.graph);
      batch.checkStatus();
      const got = new Float32Array(64);
      getTensor(output, got);
      const scoring = { first: 0, count: 1 };
      const want = referenceAttention(dims, { scale: 1 }, undefined, [
        {
          position: 63,
          rows: 1,
          queries: q,
          scoring,
          segments: chosen.flatMap((i) => segments[i] ?? []),
          contents: chosen.flatMap((i) => contents[i] ?? []),
        },
      ]);
      got.forEach((x, i) => {
        expect(Math.abs(x - (want.output[i] ?? NaN))).toBeLessThan(1e-3);
      });
    }
  });

  it("refuses tensors of other sizes before ggml sees them", () => {
    const dims = { numHeads: 2, numKvHeads: 1, headDim: 32, kvType: "f16" } as const;
    const page = newPage({ ...dims, valueDim: 32 }, 16);
    const batch = new AttentionBatch(loaded(), dims, { numRows: 1, numLayers: 1, numThreads: 1 });
    batch.update([
      {
        firstRow: 0,
        numRows: 1,
        position: 0,
        segments: [{ memory: page.memory, position: 0, length: 1 }],
        writes: [],
      },
    ]);
    using graph = new GraphBuilder(backend.bufferType, 64);
    const tensor = (heads: number) => graph.input(F32, [32, heads, 1], () => new Float32Array(32 * heads));
    expect(() => batch.attend(graph, 0, { q: tensor(3), k: tensor(1), v: tensor(1) }, { scale: 1 })).toThrow(
      /queries are of type 0 and sizes 32 × 3 × 1 × 1/,
    );
    expect(() => batch.attend(graph, 1, { q: tensor(2), k: tensor(1), v: tensor(1) }, { scale: 1 })).toThrow(
      /1 is not one of 1 layers/,
    );
  });
});

function concat(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
