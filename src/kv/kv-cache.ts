import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { AttentionStep } from "./attention-step.ts";

/** The sizes of a decoder's attention. */
export interface AttentionShape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Elements of one head's queries, keys and values. */
  readonly headDim: number;
}

/** Keys and values of one sequence, and how a graph's layers attend to them. */
export interface KvCache extends Disposable {
  /** Tokens whose keys and values are kept. */
  readonly length: number;
  /** Bytes of keys and values, without the padding in {@link allocatedBytes}. */
  readonly payloadBytes: number;
  readonly allocatedBytes: number;

  /** Makes room for `numTokens` more tokens. @throws RondoError `OUT_OF_MEMORY`. */
  reserve(numTokens: number): void;

  /** The attention of a graph over `numTokens` tokens that follow those kept; {@link reserve} comes first. */
  step(graph: GraphBuilder, numTokens: number): AttentionStep;

  /** Books the tokens that a computed graph has written. */
  commit(numTokens: number): void;

  /** Forgets all but the first `length` tokens. */
  truncate(length: number): void;
}

/** Bytes of an f16 element. */
export const F16_BYTES = 2;

/** KV payload of one token in f16: `2 · numLayers · numKvHeads · headDim` elements. */
export function bytesPerToken({ numLayers, numKvHeads, headDim }: AttentionShape): number {
  return 2 * numLayers * numKvHeads * headDim * F16_BYTES;
}
