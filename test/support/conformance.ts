import type { RandomModelType } from "../../src/lab/random-model/tensor-bytes.ts";
import type { AttentionBackend } from "./parts.ts";

/**
 * Largest divergence from node-llama-cpp that passes for conformant, in nats. Quantised types round activations
 * in kernels that differ between the two, hence their wider bound.
 */
export function conformanceBound(type: RandomModelType): number {
  return type === "F32" || type === "F16" ? 1e-4 : 1e-2;
}

/**
 * Largest divergence between two ways of batching the same prompt, in nats. One row and many rows go through
 * different kernels, which add up in another order. Where activations are rounded (to 8 bits for quantised
 * weights; queries to half precision in ggml's attention over one row), a difference in the last bit flips
 * roundings, and what remains is the noise of that rounding, as between two implementations.
 */
export function batchingBound(type: RandomModelType, attention: AttentionBackend): number {
  const isRounded = type !== "F32" && (type !== "F16" || attention === "ggml");
  return isRounded ? conformanceBound(type) : 1e-5;
}

export const NUM_TOKENS = 2_000;

/** Where distributions are compared: first tokens, both sides of batch and padding boundaries, far ones. */
export const POSITIONS: readonly number[] = [
  0, 1, 2, 3, 7, 31, 63, 64, 255, 256, 257, 511, 512, 513, 777, 1_023, 1_024, 1_500, 1_777, 1_998, 1_999,
];
