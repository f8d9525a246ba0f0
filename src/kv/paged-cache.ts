import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import { AttentionBatch } from "../ffi/kernel/attention-batch.ts";
import { type KvLayout, kvLayout } from "../ffi/kernel/layout.ts";
import type { AttentionEntry, KvSegment, KvWrite } from "../ffi/kernel/segment-table.ts";
import type { Kernel } from "../ffi/kernel/symbols.ts";
import type { AttentionStep } from "./attention-step.ts";
import { type AttentionShape, bytesPerToken, type KvCache } from "./kv-cache.ts";
import { Page } from "./page.ts";

/** Tokens of a page: small enough for a short chat, large enough that a long one has few segments. */
const PAGE_TOKENS = 512;

/**
 * KV of one sequence in pages that are never moved, read in place by the attention kernel as a list of segments.
 *
 *     page 0            page 1            page 2
 *     [################][################][######..........]
 *      0            511  512         1023  1024    length
 */
export class PagedCache implements KvCache {
  readonly #shape: AttentionShape;
  readonly #layout: KvLayout;
  readonly #kernel: Kernel;
  readonly #backend: CpuBackend;
  readonly #pages: Page[] = [];
  #length = 0;

  constructor(shape: AttentionShape, kernel: Kernel, backend: CpuBackend) {
    const { numKvHeads, headDim } = shape;
    this.#shape = shape;
    this.#kernel = kernel;
    this.#backend = backend;
    this.#layout = kvLayout({ numKvHeads, headDim, valueDim: headDim, type: "f16" }, PAGE_TOKENS);
  }

  get length(): number {
    return this.#length;
  }

  get payloadBytes(): number {
    return this.#length * bytesPerToken(this.#shape);
  }

  get allocatedBytes(): number {
    return this.#pages.reduce((sum, page) => sum + page.bytes, 0);
  }

  reserve(numTokens: number): void {
    const needed = Math.ceil((this.#length + numTokens) / PAGE_TOKENS);
    while (this.#pages.length < needed) {
      this.#pages.push(new Page(this.#layout, this.#shape.numLayers, this.#backend.bufferType));
    }
  }

  step(_graph: GraphBuilder, numTokens: number): AttentionStep {
    const { numLayers, headDim } = this.#shape;
    const options = { numRows: numTokens, numLayers, numThreads: this.#backend.threads };
    const batch = new AttentionBatch(this.#kernel, { ...this.#shape, kvType: "f16" }, options);
    batch.update([this.#entry(numTokens)]);
    const scale = 1 / Math.sqrt(headDim);
    return {
      attend: (graph, layer, qkv) => batch.attend(graph, layer, qkv, { scale }).output,
      serves: (next) => next === numTokens,
      prepare: () => batch.update([this.#entry(numTokens)]),
      check: () => batch.checkStatus(),
    };
  }

  commit(numTokens: number): void {
    this.#length += numTokens;
  }

  truncate(length: number): void {
    if (length < 0 || length > this.#length)
      throw new RangeError(`${length} is not within 0 to ${this.#length}`);
    this.#length = length;
    const used = Math.max(1, Math.ceil(length / PAGE_TOKENS));
    for (const page of this.#pages.splice(used)) page[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const page of this.#pages.splice(0)) page[Symbol.dispose]();
  }

  /** The batch's rows follow what is kept, and read all of it and themselves, causally. */
  #entry(numRows: number): AttentionEntry {
    return {
      firstRow: 0,
      numRows,
      position: this.#length,
      segments: this.#segments(this.#length + numRows),
      writes: this.#writes(numRows),
    };
  }

  #segments(numTokens: number): readonly KvSegment[] {
    const used = this.#pages.slice(0, Math.ceil(numTokens / PAGE_TOKENS));
    return used.map(({ memory }, i) => ({
      memory,
      position: i * PAGE_TOKENS,
      length: Math.min(PAGE_TOKENS, numTokens - i * PAGE_TOKENS),
      causal: true,
    }));
  }

  #writes(numTokens: number): readonly KvWrite[] {
    const writes: KvWrite[] = [];
    for (let firstRow = 0; firstRow < numTokens; ) {
      const place = this.#length + firstRow;
      const page = this.#pages[Math.floor(place / PAGE_TOKENS)];
      if (page === undefined) throw new RangeError(`token ${place} has no page; reserve room first`);
      const firstSlot = place % PAGE_TOKENS;
      const numRows = Math.min(numTokens - firstRow, PAGE_TOKENS - firstSlot);
      writes.push({ memory: page.memory, firstRow, numRows, firstSlot });
      firstRow += numRows;
    }
    return writes;
  }
}
