import { RondoError } from "../core/errors.ts";
import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";
import { getTensor } from "../ffi/ggml/tensor-arena.ts";
import { I32 } from "../ffi/ggml/tensor-type.ts";
import type { AttentionStep } from "../kv/attention-step.ts";
import type { KvCache } from "../kv/kv-cache.ts";
import type { Decoder } from "../model/decoder.ts";
import { ComputeQueue } from "./compute-queue.ts";

export interface EvaluateOptions {
  /** Rows of `tokens` after which logits are wanted; the last one by default. */
  readonly logitRows?: readonly number[];
  readonly signal?: AbortSignal;
  /** Called after each batch with the tokens of this call that are evaluated. */
  readonly onProgress?: (numEvaluated: number) => void;
}

interface Batch {
  readonly tokens: Int32Array;
  /** Rows of the batch after which logits are wanted. */
  readonly logitRows: readonly number[];
}

/** The graph at hand, which serves the next batch too if that has the same shape. */
interface BuiltGraph {
  readonly cache: KvCache;
  readonly attention: AttentionStep;
  readonly numLogits: number;
  readonly logits: Tensor | undefined;
}

/** Tokens computed in one graph while a prompt is read. */
export const BATCH_TOKENS = 512;

/** Computes tokens of any number of sequences, one batch after another. */
export class ModelRunner implements Disposable {
  readonly #decoder: Decoder;
  readonly #backend: CpuBackend;
  readonly #graph: GraphBuilder;
  readonly #queue = new ComputeQueue();
  readonly #batchTokens: number;
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;
  #built: BuiltGraph | undefined;
  #batch: Batch = { tokens: new Int32Array(), logitRows: [] };
  #numEvaluated = 0;

  constructor(decoder: Decoder, backend: CpuBackend, batchTokens: number = BATCH_TOKENS) {
    this.#decoder = decoder;
    this.#backend = backend;
    this.#batchTokens = batchTokens;
    this.#graph = new GraphBuilder(backend.bufferType, decoder.maxNodes);
  }

  /** Tokens evaluated since this runner was made. */
  get numEvaluated(): number {
    return this.#numEvaluated;
  }

  /** Bytes reserved for intermediate tensors. */
  get computeBytes(): number {
    return this.#graph.computeBytes;
  }

  /**
   * Appends `tokens` to the sequence in `cache` and answers with the logits `[vocabularySize]` after each of
   * `logitRows`. When it fails or is aborted the cache is as long as it was before.
   *
   * @throws RondoError `ABORTED`, `DISPOSED`, `OUT_OF_MEMORY`, `BACKEND_FAILED`.
   */
  async evaluate(cache: KvCache, tokens: Int32Array, options: EvaluateOptions = {}): Promise<Float32Array[]> {
    const run = this.#evaluateAll(cache, tokens, options);
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  /** Refuses further batches, of calls under way too, and resolves when those calls have ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
  }

  /** Drops the graph that was built for `cache`; its owner calls this before it frees the cache. */
  forget(cache: KvCache): void {
    if (this.#built?.cache === cache) this.#built = undefined;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#graph[Symbol.dispose]();
  }

  async #evaluateAll(
    cache: KvCache,
    tokens: Int32Array,
    { logitRows = [tokens.length - 1], signal, onProgress }: EvaluateOptions,
  ): Promise<Float32Array[]> {
    const start = cache.length;
    const logits: Float32Array[] = [];
    try {
      for (let from = 0; from < tokens.length; from += this.#batchTokens) {
        const to = Math.min(tokens.length, from + this.#batchTokens);
        const rows = logitRows.filter((row) => row >= from && row < to).map((row) => row - from);
        const batch = { tokens: tokens.subarray(from, to), logitRows: rows };
        logits.push(...(await this.#queue.run(() => this.#evaluateBatch(cache, batch, signal))));
        onProgress?.(to);
      }
    } catch (error) {
      cache.truncate(start);
      throw error;
    }
    return logits;
  }

  async #evaluateBatch(cache: KvCache, batch: Batch, signal?: AbortSignal): Promise<Float32Array[]> {
    if (this.#isClosed) throw new RondoError("DISPOSED", "computing: the model was closed; load it again");
    const { tokens, logitRows } = batch;
    this.#batch = batch;
    cache.reserve(tokens.length);
    const { attention, logits } = this.#serving(cache) ?? this.#build(cache);
    attention.prepare();
    this.#graph.fillInputs();
    await this.#backend.compute(this.#graph.graph, signal);
    attention.check();
    cache.commit(tokens.length);
    this.#numEvaluated += tokens.length;
    return logits === undefined ? [] : this.#readLogits(logits, logitRows.length);
  }

  #serving(cache: KvCache): BuiltGraph | undefined {
    const { tokens, logitRows } = this.#batch;
    const built = this.#built;
    const isSame = built?.cache === cache && built.numLogits === logitRows.length;
    return isSame && built.attention.serves(tokens.length) ? built : undefined;
  }

  #build(cache: KvCache): BuiltGraph {
    const graph = this.#graph;
    const decoder = this.#decoder;
    const numTokens = this.#batch.tokens.length;
    this.#built = undefined;
    graph.reset();
    const tokens = graph.input(I32, [numTokens], () => this.#batch.tokens);
    const positions = graph.input(I32, [numTokens], () =>
      Int32Array.from({ length: numTokens }, (_, i) => cache.length + i),
    );
    const attention = cache.step(graph, numTokens);
    const embedded = decoder.buildEmbedding(graph, tokens);
    const lastLayer = decoder.hyperparameters.numLayers - 1;
    const hidden = decoder.buildLayers(graph, embedded, { numTokens, positions, attention }, 0, lastLayer);
    const logits = this.#buildLogits(hidden, numTokens);
    if (logits === undefined) graph.expand(hidden);
    graph.allocate();
    this.#built = { cache, attention, numLogits: this.#batch.logitRows.length, logits };
    return this.#built;
  }

  #buildLogits(hidden: Tensor, numTokens: number): Tensor | undefined {
    const numRows = this.#batch.logitRows.length;
    if (numRows === 0) return undefined;
    if (numRows === numTokens) return this.#graph.output(this.#decoder.buildLogits(this.#graph, hidden));
    const rows = this.#graph.input(I32, [numRows], () => Int32Array.from(this.#batch.logitRows));
    const chosen = this.#graph.getRows(hidden, rows);
    return this.#graph.output(this.#decoder.buildLogits(this.#graph, chosen));
  }

  #readLogits(tensor: Tensor, numRows: number): Float32Array[] {
    const size = this.#decoder.hyperparameters.vocabularySize;
    return Array.from({ length: numRows }, (_, row) => {
      const logits = new Float32Array(size);
      getTensor(tensor, logits, row * logits.byteLength);
      return logits;
    });
  }
}
