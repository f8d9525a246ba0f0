import { RondoError } from "../core/errors.ts";
import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { BufferType, Tensor } from "../ffi/ggml/handles.ts";
import { TensorArena, tensorBytes } from "../ffi/ggml/tensor-arena.ts";
import { F16, I64 } from "../ffi/ggml/tensor-type.ts";
import type { AttentionStep, QueryKeyValue } from "./attention-step.ts";
import { type AttentionShape, bytesPerToken, F16_BYTES, type KvCache } from "./kv-cache.ts";

/** Keys a graph reads are rounded up to this, so that the graph of one step serves the next ones too. */
const KEY_PADDING = 256;
const GROWTH = 1.5;
const MASKED_F16 = 0xfc00;

interface LayerKv {
  /** `[headDim · numKvHeads, capacity]` f16 */
  readonly k: Tensor;
  readonly v: Tensor;
}

interface StepInputs {
  /** `[numTokens]` i64, where the batch's keys and values go. */
  readonly rows: Tensor;
  /** `[numKeys, numTokens]` f16 */
  readonly mask: Tensor;
  readonly numKeys: number;
  readonly numTokens: number;
  readonly scale: number;
}

/**
 * KV of one sequence in one run per layer, read with ggml's own attention: the reference for faster ones, and
 * what serves where the attention kernel has no build. Grows by half when it is full.
 */
export class ContiguousCache implements KvCache {
  readonly #shape: AttentionShape;
  readonly #bufferType: BufferType;
  #arena: TensorArena;
  #layers: readonly LayerKv[];
  #capacity: number;
  #length = 0;

  constructor(shape: AttentionShape, bufferType: BufferType, initialTokens: number = KEY_PADDING) {
    this.#shape = shape;
    this.#bufferType = bufferType;
    this.#capacity = padKeys(initialTokens);
    [this.#arena, this.#layers] = this.#newStorage(this.#capacity);
  }

  get length(): number {
    return this.#length;
  }

  get payloadBytes(): number {
    return this.#length * bytesPerToken(this.#shape);
  }

  get allocatedBytes(): number {
    return this.#arena.bytes;
  }

  reserve(numTokens: number): void {
    const needed = this.#length + numTokens;
    if (needed > this.#capacity) this.#grow(padKeys(Math.max(needed, Math.ceil(this.#capacity * GROWTH))));
  }

  step(graph: GraphBuilder, numTokens: number): AttentionStep {
    const numKeys = padKeys(this.#length + numTokens);
    if (numKeys > this.#capacity) throw new RangeError(`${numKeys} keys do not fit in ${this.#capacity}`);
    const rows = graph.input(I64, [numTokens], () => this.#rowNumbers(numTokens));
    const mask = graph.input(F16, [numKeys, numTokens], () => this.#causalMask(numKeys, numTokens));
    const scale = 1 / Math.sqrt(this.#shape.headDim);
    const arena = this.#arena;
    return {
      serves: (next) =>
        next === numTokens && padKeys(this.#length + next) === numKeys && this.#arena === arena,
      prepare: () => {},
      check: () => {},
      attend: (_graph, layer, qkv) =>
        this.#attend(graph, layer, qkv, { rows, mask, numKeys, numTokens, scale }),
    };
  }

  commit(numTokens: number): void {
    this.#length += numTokens;
  }

  truncate(length: number): void {
    if (length < 0 || length > this.#length)
      throw new RangeError(`${length} is not within 0 to ${this.#length}`);
    this.#length = length;
  }

  [Symbol.dispose](): void {
    this.#arena[Symbol.dispose]();
  }

  #attend(graph: GraphBuilder, layer: number, { q, k, v }: QueryKeyValue, step: StepInputs): Tensor {
    const { numHeads, numKvHeads, headDim } = this.#shape;
    const kv = this.#layers[layer];
    if (kv === undefined) throw new RangeError(`the cache has no layer ${layer}`);
    const rowLength = headDim * numKvHeads;
    // Writing comes first in the graph; the views below read the same memory.
    graph.expand(graph.setRows(kv.k, graph.reshape2d(k, rowLength, step.numTokens), step.rows));
    graph.expand(
      graph.setRows(kv.v, graph.reshape2d(graph.contiguous(v), rowLength, step.numTokens), step.rows),
    );
    const perHead = (cache: Tensor): Tensor =>
      graph.swapAxes12(
        graph.view3d(
          cache,
          [headDim, numKvHeads, step.numKeys],
          [headDim * F16_BYTES, rowLength * F16_BYTES],
        ),
      );
    // [headDim, numHeads, numTokens]
    const attended = graph.flashAttention(
      graph.swapAxes12(q),
      perHead(kv.k),
      perHead(kv.v),
      step.mask,
      step.scale,
    );
    return graph.reshape2d(attended, headDim * numHeads, step.numTokens);
  }

  #rowNumbers(numTokens: number): BigInt64Array {
    return BigInt64Array.from({ length: numTokens }, (_, i) => BigInt(this.#length + i));
  }

  /** 0 where token `i` of the batch may read key `j ≤ length + i`, −∞ elsewhere; `[numKeys, numTokens]` f16. */
  #causalMask(numKeys: number, numTokens: number): Uint16Array {
    const mask = new Uint16Array(numKeys * numTokens);
    for (let i = 0; i < numTokens; i++)
      mask.fill(MASKED_F16, i * numKeys + this.#length + i + 1, (i + 1) * numKeys);
    return mask;
  }

  #grow(capacity: number): void {
    const [arena, layers] = this.#newStorage(capacity);
    for (const [i, layer] of layers.entries()) {
      const old = this.#layers[i];
      if (old === undefined) continue;
      tensorBytes(layer.k).set(tensorBytes(old.k));
      tensorBytes(layer.v).set(tensorBytes(old.v));
    }
    this.#arena[Symbol.dispose]();
    this.#arena = arena;
    this.#layers = layers;
    this.#capacity = capacity;
  }

  #newStorage(capacity: number): [TensorArena, readonly LayerKv[]] {
    const { numLayers, numKvHeads, headDim } = this.#shape;
    const arena = new TensorArena(2 * numLayers);
    try {
      const declare = (): Tensor => arena.declare(F16, [headDim * numKvHeads, capacity]);
      const layers = Array.from({ length: numLayers }, () => ({ k: declare(), v: declare() }));
      arena.allocate(this.#bufferType);
      // Padding is masked, but 0 · NaN from memory that was never written would still spoil the sum.
      arena.clear();
      return [arena, layers];
    } catch (error) {
      arena[Symbol.dispose]();
      if (!(error instanceof RondoError) || error.code !== "OUT_OF_MEMORY") throw error;
      const bytes = capacity * bytesPerToken(this.#shape);
      throw new RondoError(
        "OUT_OF_MEMORY",
        `growing the KV cache to ${capacity} tokens: ${bytes} bytes are not to be had; close other chats`,
        { cause: error },
      );
    }
  }
}

function padKeys(numKeys: number): number {
  return Math.ceil(numKeys / KEY_PADDING) * KEY_PADDING;
}
