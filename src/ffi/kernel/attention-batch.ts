import koffi from "koffi";
import { RondoError } from "../../core/errors.ts";
import type { Tensor } from "../ggml/handles.ts";
import type { Ops } from "../ggml/ops.ts";
import { type AttentionNodes, addAttentionNodes } from "./attention-nodes.ts";

import { KV_TYPE_NUMBER, type KvType, kvLayout } from "./layout.ts";
import { ATTENTION, ENTRY, SEGMENT, WRITE, writeRecord } from "./records.ts";
import { type AttentionEntry, checkEntries, type KvMemory, type KvSegment } from "./segment-table.ts";
import { BUILD_NUMBER, KERNEL_ABI_VERSION, type Kernel, type KernelBuild, STATUS_NAMES } from "./symbols.ts";

/** The attention of a model's layers. */
export interface AttentionDims {
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  /** Elements of a value; `headDim` by default. */
  readonly valueDim?: number;
  readonly kvType: KvType;
}

export interface AttentionBatchOptions {
  /** Rows of every batch: tokens of a graph. */
  readonly numRows: number;
  /** Layers of each segment's memory that the graph reads. */
  readonly numLayers: number;
  /** Threads that compute the graph. */
  readonly numThreads: number;
  /** Rotations of the queries, see {@link KvSegment.queryVariant}; 1 by default. */
  readonly numVariants?: number;
  /** Which build of the kernel; the best by default. */
  readonly build?: KernelBuild;
}

/** What one layer's attention does beside the segments it reads. */
export interface AttentionParameters {
  /** Of the dot product of a query and a key. */
  readonly scale: number;
  /** `c` in `c · tanh(s / c)`; off by default. */
  readonly softcap?: number;
  /** A row sees only tokens less than this many positions behind it; off by default. */
  readonly window?: number;
  /** Whether to answer the mass of each segment, averaged over the scoring rows or their largest. */
  readonly mass?: "mean" | "max";
  /** Logits `[numHeads]` f32 that take a share of the softmax and have no value. */
  readonly sinks?: Tensor;
}

export interface AttentionInputs {
  /** `[headDim, numHeads, numRows, numVariants]` f32 */
  readonly q: Tensor;
  /** `[headDim, numKvHeads, numRows]` f32 */
  readonly k: Tensor;
  /** `[valueDim, numKvHeads, numRows]` f32 */
  readonly v: Tensor;
}

/** One built layer: its user data, and how large its tensors were made. */
interface BuiltLayer {
  readonly params: Buffer;
  readonly partialFloats: number;
  readonly outputFloats: number;
}

/** A batch must live as long as a graph whose nodes point into its tables. */
const retained = new WeakMap<Ops, AttentionBatch[]>();

/**
 * The attention of one batch over lists of segments, for any number of layers that share them: `update` says
 * what each row reads and writes, `attend` adds a layer's nodes to a graph. While the rows stay the same,
 * `update` may change the segments of a graph that is already built, but not while it is being computed.
 */
export class AttentionBatch {
  readonly #kernel: Kernel;
  readonly #dims: Required<AttentionDims>;
  readonly #options: Required<AttentionBatchOptions>;
  readonly #built: BuiltLayer[] = [];
  #entries = Buffer.alloc(ENTRY.bytes);
  #segments = Buffer.alloc(SEGMENT.bytes);
  #writes = Buffer.alloc(WRITE.bytes);
  #packed: readonly KvSegment[] = [];
  #counts = { numEntries: 0, numSegments: 0, numWrites: 0 };

  constructor(kernel: Kernel, dims: AttentionDims, options: AttentionBatchOptions) {
    this.#kernel = kernel;
    this.#dims = { ...dims, valueDim: dims.valueDim ?? dims.headDim };
    this.#options = { numVariants: 1, build: "best", ...options };
    kvLayout(this.#shape, 0);
    if (dims.numHeads % dims.numKvHeads !== 0)
      throw new RangeError(`attention: ${dims.numHeads} heads do not share ${dims.numKvHeads} KV heads`);
    if (kernel.symbols.rondo_has_isa(BUILD_NUMBER[this.#options.build]) === 0)
      throw new RangeError(`attention: build "${this.#options.build}" does not run on this processor`);
  }

  get #shape() {
    const { numKvHeads, headDim, valueDim, kvType } = this.#dims;
    return { numKvHeads, headDim, valueDim, type: kvType };
  }

  /** Segments of all entries: the length of the second axis of a layer's masses. */
  get numSegments(): number {
    return this.#counts.numSegments;
  }

  /**
   * Says what the rows of the next computation read and write. A segment that is the same object as the last
   * time in its place costs next to nothing: keep those of closed rounds.
   *
   * @throws RangeError for entries that {@link checkEntries} refuses, or that need larger tensors than the
   * graph was built with: other rows, other scoring rows, or, with masses, other numbers of segments.
   */
  update(entries: readonly AttentionEntry[]): void {
    checkEntries(entries, { shape: this.#shape, ...this.#options });
    const segments = entries.flatMap((entry) => entry.segments);
    const writes = entries.flatMap((entry) => entry.writes);
    this.#entries = withRoom(this.#entries, entries.length * ENTRY.bytes);
    this.#writes = withRoom(this.#writes, writes.length * WRITE.bytes);
    this.#packEntries(entries);
    this.#packSegments(segments);
    const writeView = viewOf(this.#writes);
    writes.forEach(({ memory, firstRow, numRows, firstSlot }, i) => {
      writeRecord(WRITE, writeView, i * WRITE.bytes, {
        ...addresses(memory),
        firstRow,
        numRows,
        firstSlot,
      });
    });
    this.#counts = {
      numEntries: entries.length,
      numSegments: segments.length,
      numWrites: writes.length,
    };
    for (const layer of this.#built) this.#refresh(layer);
  }

  /**
   * Adds the attention of `layer` (of the segments' memory) to `graph`: write, partial attention, reduction.
   * Answers `output [valueDim · numHeads, numRows]` f32 and, when asked, `masses [numHeads, numSegments]` f32.
   */
  attend(
    graph: Ops,
    layer: number,
    inputs: AttentionInputs,
    parameters: AttentionParameters,
  ): AttentionNodes {
    if (!Number.isInteger(layer) || layer < 0 || layer >= this.#options.numLayers)
      throw new RangeError(`attention: ${layer} is not one of ${this.#options.numLayers} layers`);
    if (this.#counts.numEntries === 0) throw new RangeError("attention: no entries; call update first");
    const params = this.#newParams(layer, parameters);
    const sizes = this.#sizesOf(params);
    const { numHeads, numKvHeads, headDim, valueDim } = this.#dims;
    const nodes = addAttentionNodes(graph, this.#kernel, params, {
      inputs,
      sinks: parameters.sinks,
      masses: parameters.mass === undefined ? 0 : this.#counts.numSegments,
      sizes,
      dims: { numHeads, numKvHeads, headDim, valueDim, ...this.#options },
    });
    this.#built.push({ params, ...sizes });
    const others = retained.get(graph) ?? [];
    if (!others.includes(this)) retained.set(graph, [...others, this]);
    return nodes;
  }

  /** @throws RondoError `BACKEND_FAILED` where an op of the last computation refused its tables. */
  checkStatus(): void {
    for (const { params } of this.#built) {
      const status = params.readInt32LE(ATTENTION.offsets.status);
      if (status !== 0) {
        throw new RondoError(
          "BACKEND_FAILED",
          `computing attention: ${STATUS_NAMES[status] ?? `status ${status}`}; this is a defect of Rondo`,
        );
      }
    }
  }

  /** Segments that are the very objects of the last time are in their place already. */
  #packSegments(segments: readonly KvSegment[]): void {
    const room = withRoom(this.#segments, segments.length * SEGMENT.bytes);
    const packed = room === this.#segments ? this.#packed : [];
    this.#segments = room;
    this.#packed = segments;
    const view = viewOf(room);
    for (const [i, segment] of segments.entries()) {
      if (segment === packed[i]) continue;
      writeRecord(SEGMENT, view, i * SEGMENT.bytes, {
        ...addresses(segment.memory),
        position: segment.position,
        length: segment.length,
        causal: segment.causal === true ? 1 : 0,
        queryVariant: segment.queryVariant ?? 0,
      });
    }
  }

  #packEntries(entries: readonly AttentionEntry[]): void {
    const view = viewOf(this.#entries);
    let firstSegment = 0;
    entries.forEach((entry, i) => {
      writeRecord(ENTRY, view, i * ENTRY.bytes, {
        position: entry.position,
        firstRow: entry.firstRow,
        numRows: entry.numRows,
        firstSegment,
        numSegments: entry.segments.length,
        firstScoring: entry.scoring?.first ?? 0,
        numScoring: entry.scoring?.count ?? entry.numRows,
      });
      firstSegment += entry.segments.length;
    });
  }

  #newParams(layer: number, parameters: AttentionParameters): Buffer {
    const { scale, softcap = 0, window = 0, mass } = parameters;
    if (!Number.isFinite(scale)) throw new RangeError(`attention: scale ${scale} is not a number`);
    if (!(softcap >= 0) || !Number.isInteger(window) || window < 0)
      throw new RangeError(`attention: softcap ${softcap} or window ${window} is negative or not a number`);
    const { numHeads, numKvHeads, headDim, valueDim, kvType } = this.#dims;
    const params = Buffer.alloc(ATTENTION.bytes);
    writeRecord(ATTENTION, viewOf(params), 0, {
      abiVersion: KERNEL_ABI_VERSION,
      structBytes: ATTENTION.bytes,
      getData: this.#kernel.getData,
      numHeads,
      numKvHeads,
      headDim,
      valueDim,
      numRows: this.#options.numRows,
      layer,
      kvType: KV_TYPE_NUMBER[kvType],
      mass: mass === undefined ? 0 : mass === "mean" ? 1 : 2,
      window,
      isa: BUILD_NUMBER[this.#options.build],
      scale,
      softcap,
      numThreads: this.#options.numThreads,
    });
    this.#pointToTables(params);
    return params;
  }

  #pointToTables(params: Buffer): void {
    writeRecord(ATTENTION, viewOf(params), 0, {
      entries: koffi.address(this.#entries),
      segments: koffi.address(this.#segments),
      writes: koffi.address(this.#writes),
      ...this.#counts,
    });
  }

  #sizesOf(params: Buffer): { partialFloats: number; outputFloats: number } {
    const sizes = new BigInt64Array(3);
    const status = this.#kernel.symbols.rondo_attention_sizes(params, sizes);
    if (status !== 0)
      throw new RondoError("BACKEND_FAILED", `sizing attention: ${STATUS_NAMES[status] ?? status}`);
    return { partialFloats: Number(sizes[0]), outputFloats: Number(sizes[1]) };
  }

  #refresh(layer: BuiltLayer): void {
    this.#pointToTables(layer.params);
    const { partialFloats, outputFloats } = this.#sizesOf(layer.params);
    if (partialFloats > layer.partialFloats || outputFloats > layer.outputFloats)
      throw new RangeError("attention: the entries need larger tensors than the graph has; build it again");
  }
}

function addresses({ address, layout }: KvMemory) {
  return {
    keys: address,
    values: address + BigInt(layout.keyBytes),
    keyHeadStride: layout.headBytes,
    valueHeadStride: layout.headBytes,
    layerStride: layout.layerBytes,
  };
}

/** The buffer itself where it is large enough, else a new one of at least twice its size. */
function withRoom(buffer: Buffer<ArrayBuffer>, bytes: number): Buffer<ArrayBuffer> {
  return bytes <= buffer.length ? buffer : Buffer.alloc(Math.max(bytes, 2 * buffer.length));
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
