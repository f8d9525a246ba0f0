import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";

/**
 * Queries, keys and values of a batch in one layer, rotated: `[headDim, heads, numTokens]` f32. Heads lie one after
 * another; values may have gaps between tokens.
 */
export interface QueryKeyValue {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What the layers of one graph attend to. The decoder is given one and knows nothing else about the cache. */
export interface AttentionStep {
  /**
   * Adds to `graph` that the batch's keys and values of `layer` are kept and its queries attend.
   * Answers `[headDim · numHeads, numTokens]` f32.
   */
  attend(graph: GraphBuilder, layer: number, qkv: QueryKeyValue): Tensor;

  /** Whether a graph built over this step also computes the next `numTokens` tokens of its cache. */
  serves(numTokens: number): boolean;

  /** To be called before each computation of the graph. */
  prepare(): void;

  /** To be called after each computation. @throws RondoError `BACKEND_FAILED` where attention was not computed. */
  check(): void;
}
