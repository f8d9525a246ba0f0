// One layer's attention of one token through ggml graphs: the kernel, ggml's flash attention over the faster of
// two layouts, and the machine's read bandwidth, interleaved in one run.
//
//   npx tsx native/bench/attention-bench.ts [--threads 2] [--keys 32768] [--repeats 15]
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import koffi from "koffi";
import { CpuBackend } from "../../src/ffi/ggml/cpu-backend.ts";
import { GraphBuilder } from "../../src/ffi/ggml/graph-builder.ts";
import type { Tensor } from "../../src/ffi/ggml/handles.ts";
import { ggml } from "../../src/ffi/ggml/symbols.ts";
import { TensorArena, tensorBytes } from "../../src/ffi/ggml/tensor-arena.ts";
import { F16, F32, I32 } from "../../src/ffi/ggml/tensor-type.ts";
import { AttentionBatch } from "../../src/ffi/kernel/attention-batch.ts";
import { type KvType, kvLayout } from "../../src/ffi/kernel/layout.ts";
import type { KvMemory } from "../../src/ffi/kernel/segment-table.ts";
import { attentionKernel, type Kernel } from "../../src/ffi/kernel/symbols.ts";

interface Shape {
  readonly name: string;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly kvType: KvType;
  readonly rows: number;
}

interface Result extends Shape {
  readonly keys: number;
  readonly kernelMs: number;
  readonly ggmlMs: number;
  readonly ratio: number;
  /** The fastest repeats: what a machine with other work to do can be judged by. */
  readonly fastest: { readonly kernelMs: number; readonly ggmlMs: number };
  readonly gbPerS: number;
  readonly readGbPerS: number;
}

const SHAPES: readonly Shape[] = [
  { name: "decode, Qwen2.5-0.5B", numHeads: 14, numKvHeads: 2, headDim: 64, kvType: "f16", rows: 1 },
  { name: "decode, Qwen2.5-0.5B, q8", numHeads: 14, numKvHeads: 2, headDim: 64, kvType: "q8", rows: 1 },
  { name: "decode, no sharing", numHeads: 16, numKvHeads: 16, headDim: 64, kvType: "f16", rows: 1 },
  { name: "decode, Llama-3.2-1B", numHeads: 32, numKvHeads: 8, headDim: 64, kvType: "f16", rows: 1 },
  {
    name: "prefill of 128, Qwen2.5-0.5B",
    numHeads: 14,
    numKvHeads: 2,
    headDim: 64,
    kvType: "f16",
    rows: 128,
  },
];

/** More than the last-level cache, so that no layer finds its keys there. */
const WORKING_SET_BYTES = 100e6;
const READ_BYTES = 256 * 2 ** 20;

const { values: options } = parseArgs({
  options: {
    threads: { type: "string", default: String(availableParallelism()) },
    keys: { type: "string", default: "32768" },
    repeats: { type: "string", default: "15" },
  },
});

type Work = () => Promise<void>;

/** What one measurement allocates, to be disposed in the opposite order. */
class Resources implements Disposable {
  readonly #owned: Disposable[] = [];

  use<Owned extends Disposable>(owned: Owned): Owned {
    this.#owned.push(owned);
    return owned;
  }

  [Symbol.dispose](): void {
    for (const owned of this.#owned.reverse()) owned[Symbol.dispose]();
  }
}

function fillWithHalves(bytes: Uint8Array): void {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  let state = 1;
  for (let i = 0; i < halves.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Halves of either sign between 1/16 and 1/8.
    halves[i] = 0x2c00 | ((state >>> 16) & 0x83ff);
  }
}

/** Room for what the layers of one graph take, and a few inputs. */
function newGraph(resources: Resources, backend: CpuBackend, numLayers: number): GraphBuilder {
  return resources.use(new GraphBuilder(backend.bufferType, 16 + 8 * numLayers));
}

function ready(backend: CpuBackend, graph: GraphBuilder, outputs: readonly Tensor[]): Work {
  for (const output of outputs) graph.output(output);
  graph.allocate();
  return async () => {
    graph.fillInputs();
    await backend.compute(graph.graph);
  };
}

function buildKernel(
  resources: Resources,
  backend: CpuBackend,
  kernel: Kernel,
  shape: Shape,
  keys: number,
): Work {
  const { numHeads, numKvHeads, headDim, rows } = shape;
  const layout = kvLayout({ numKvHeads, headDim, valueDim: headDim, type: shape.kvType }, keys);
  const numLayers = layerCount(shape, keys);
  const arena = resources.use(new TensorArena(1));
  const tensor = arena.declare(F32, [(numLayers * layout.layerBytes) / 4]);
  arena.allocate(backend.bufferType);
  const bytes = tensorBytes(tensor);
  fillWithHalves(bytes);
  const address = ggml.ggml_get_data(tensor) ?? 0n;
  const memory: KvMemory = { address, bytes: bytes.length, numLayers, layout };
  const batch = new AttentionBatch(kernel, shape, { numRows: rows, numLayers, numThreads: backend.threads });
  batch.update([
    {
      firstRow: 0,
      numRows: rows,
      position: keys - rows,
      segments: [{ memory, position: 0, length: keys, causal: true }],
      writes: [{ memory, firstRow: 0, numRows: rows, firstSlot: keys - rows }],
    },
  ]);
  const graph = newGraph(resources, backend, numLayers);
  const input = (heads: number): Tensor =>
    graph.input(F32, [headDim, heads, rows], () => new Float32Array(headDim * heads * rows).fill(0.1));
  const inputs = { q: input(numHeads), k: input(numKvHeads), v: input(numKvHeads) };
  const outputs = Array.from(
    { length: numLayers },
    (_, layer) => batch.attend(graph, layer, inputs, { scale: 1 / Math.sqrt(headDim) }).output,
  );
  const work = ready(backend, graph, outputs);
  return async () => {
    await work();
    batch.checkStatus();
  };
}

/** ggml's flash attention over keys that lie one head after another, or one token after another as llama.cpp has them. */
function buildGgml(
  resources: Resources,
  backend: CpuBackend,
  { numHeads, numKvHeads, headDim, rows, ...shape }: Shape,
  keys: number,
  isStrided: boolean,
): Work {
  const numLayers = layerCount({ numHeads, numKvHeads, headDim, rows, ...shape }, keys);
  const arena = resources.use(new TensorArena(2 * numLayers));
  const sizes = isStrided ? ([headDim, numKvHeads, keys] as const) : ([headDim, keys, numKvHeads] as const);
  const layers = Array.from(
    { length: numLayers },
    () => [arena.declare(F16, sizes), arena.declare(F16, sizes)] as const,
  );
  arena.allocate(backend.bufferType);
  for (const [k, v] of layers) {
    fillWithHalves(tensorBytes(k));
    fillWithHalves(tensorBytes(v));
  }
  const graph = newGraph(resources, backend, numLayers);
  const q = graph.input(F32, [headDim, rows, numHeads], () =>
    new Float32Array(headDim * numHeads * rows).fill(0.1),
  );
  const mask = graph.input(F16, [keys, rows], () => causalMask(keys, rows));
  const turned = (a: Tensor): Tensor => (isStrided ? graph.swapAxes12(a) : a);
  const outputs = layers.map(([k, v]) =>
    graph.flashAttention(q, turned(k), turned(v), mask, 1 / Math.sqrt(headDim)),
  );
  return ready(backend, graph, outputs);
}

function causalMask(keys: number, rows: number): Uint16Array {
  const mask = new Uint16Array(keys * rows);
  for (let row = 0; row < rows; row++)
    mask.fill(0xfc00, row * keys + keys - rows + row + 1, (row + 1) * keys);
  return mask;
}

function buildRead(resources: Resources, backend: CpuBackend, kernel: Kernel): Work {
  const arena = resources.use(new TensorArena(1));
  const tensor = arena.declare(F32, [READ_BYTES / 4]);
  arena.allocate(backend.bufferType);
  tensorBytes(tensor).fill(1);
  const read = Buffer.alloc(24);
  read.writeBigInt64LE(ggml.ggml_get_data(tensor) ?? 0n, 0);
  read.writeBigInt64LE(BigInt(READ_BYTES), 8);
  const graph = newGraph(resources, backend, 1);
  const source = graph.input(F32, [1], () => new Float32Array(1));
  const node = ggml.ggml_custom_4d(
    graph.context,
    I32,
    1,
    1,
    1,
    1,
    [source],
    1,
    kernel.readBytes,
    -1,
    koffi.address(read),
  );
  const work = ready(backend, graph, [node]);
  return async () => {
    await work();
    if (read.length !== 24) throw new TypeError("the record is gone");
  };
}

function layerCount({ numKvHeads, headDim }: Shape, keys: number): number {
  return Math.max(1, Math.ceil(WORKING_SET_BYTES / (keys * numKvHeads * headDim * 4)));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function timeMs(work: Work): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function measure(
  backend: CpuBackend,
  kernel: Kernel,
  shape: Shape,
  keys: number,
  repeats: number,
): Promise<Result> {
  using resources = new Resources();
  const works = {
    kernel: buildKernel(resources, backend, kernel, shape, keys),
    contiguous: buildGgml(resources, backend, shape, keys, false),
    strided: buildGgml(resources, backend, shape, keys, true),
    read: buildRead(resources, backend, kernel),
  };
  const times: Record<keyof typeof works, number[]> = { kernel: [], contiguous: [], strided: [], read: [] };
  const names = Object.keys(works) as (keyof typeof works)[];
  for (const name of names) await works[name]();
  for (let i = 0; i < repeats; i++) {
    for (const name of names) times[name].push(await timeMs(works[name]));
  }
  const layers = layerCount(shape, keys);
  const kernelMs = median(times.kernel) / layers;
  const ggmlMs = Math.min(median(times.contiguous), median(times.strided)) / layers;
  const layout = kvLayout({ ...shape, valueDim: shape.headDim, type: shape.kvType }, keys);
  return {
    ...shape,
    keys,
    kernelMs,
    ggmlMs,
    ratio: ggmlMs / kernelMs,
    fastest: {
      kernelMs: Math.min(...times.kernel) / layers,
      ggmlMs: Math.min(...times.contiguous, ...times.strided) / layers,
    },
    gbPerS: layout.layerBytes / kernelMs / 1e6,
    readGbPerS: READ_BYTES / median(times.read) / 1e6,
  };
}

const kernel = attentionKernel();
if (kernel === undefined) throw new Error("no attention kernel: run node native/build.mjs");
const threads = Number(options.threads);
const keys = Number(options.keys);
using backend = new CpuBackend({ threads });
console.log(`${threads} threads, ${keys} keys, build ${kernel.build}, medians of ${options.repeats}`);
const results: Result[] = [];
for (const shape of SHAPES) {
  const isPrefill = shape.rows > 1;
  const result = await measure(
    backend,
    kernel,
    shape,
    isPrefill ? Math.min(keys, 4096) : keys,
    isPrefill ? 3 : Number(options.repeats),
  );
  results.push(result);
  console.log(
    `${shape.name.padEnd(30)} kernel ${result.kernelMs.toFixed(3)} ms, ggml ${result.ggmlMs.toFixed(3)} ms, ` +
      `${result.ratio.toFixed(2)}× (fastest ${result.fastest.kernelMs.toFixed(3)} and ` +
      `${result.fastest.ggmlMs.toFixed(3)} ms), ${result.gbPerS.toFixed(1)} of ${result.readGbPerS.toFixed(1)} GB/s`,
  );
}
console.log(JSON.stringify({ threads, keys, build: kernel.build, results }));
