import type { Hyperparameters } from "./hyperparameters.ts";

/** What a tensor is used for, which decides where it may live. */
export type TensorRole =
  /** The left side of a product: repacked where ggml can. */
  | "matrix"
  /** Looked up row by row. */
  | "table"
  /** A norm, a bias or factors: read element by element, f32. */
  | "vector";

/** A tensor that an architecture expects in the file. */
export interface TensorSpec {
  /** Name in the file; for a layer's tensors the part after `blk.{layer}.`. */
  readonly name: string;
  /** `ne0` first. */
  readonly shape: readonly number[];
  readonly role: TensorRole;
  readonly optional?: boolean;
  /**
   * The weight that this one and its neighbours of the same name here are stacked into, row after row, where
   * their types are the same: one product instead of several over the same input.
   */
  readonly stack?: string;
}

const matrix = (name: string, shape: readonly number[]): TensorSpec => ({ name, shape, role: "matrix" });
const vector = (name: string, length: number): TensorSpec => ({ name, shape: [length], role: "vector" });

/** Marks tensors that read the same input. */
function stacked(stack: string, specs: readonly TensorSpec[]): TensorSpec[] {
  return specs.map((spec) => ({ ...spec, stack }));
}

/** Marks tensors that a file may leave out. */
export function optional(specs: readonly TensorSpec[]): TensorSpec[] {
  return specs.map((spec) => ({ ...spec, optional: true }));
}

/** Norm, projections and output of grouped-query attention. */
export function attentionTensors(h: Hyperparameters): TensorSpec[] {
  return [
    vector("attn_norm.weight", h.embeddingLength),
    ...stacked("attn_qkv.weight", [
      matrix("attn_q.weight", [h.embeddingLength, h.numHeads * h.headDim]),
      matrix("attn_k.weight", [h.embeddingLength, h.numKvHeads * h.headDim]),
      matrix("attn_v.weight", [h.embeddingLength, h.numKvHeads * h.headDim]),
    ]),
    matrix("attn_output.weight", [h.numHeads * h.headDim, h.embeddingLength]),
  ];
}

/** Biases of the query, key and value projections. */
export function attentionBiases(h: Hyperparameters): TensorSpec[] {
  return stacked("attn_qkv.bias", [
    vector("attn_q.bias", h.numHeads * h.headDim),
    vector("attn_k.bias", h.numKvHeads * h.headDim),
    vector("attn_v.bias", h.numKvHeads * h.headDim),
  ]);
}

/** Norms over each head of the queries and of the keys. */
export function queryKeyNorms(h: Hyperparameters): TensorSpec[] {
  return [vector("attn_q_norm.weight", h.headDim), vector("attn_k_norm.weight", h.headDim)];
}

/** Norm and matrices of a gated feed-forward network. */
export function feedForwardTensors(h: Hyperparameters): TensorSpec[] {
  return [
    vector("ffn_norm.weight", h.embeddingLength),
    ...stacked("ffn_gate_up.weight", [
      matrix("ffn_gate.weight", [h.embeddingLength, h.feedForwardLength]),
      matrix("ffn_up.weight", [h.embeddingLength, h.feedForwardLength]),
    ]),
    matrix("ffn_down.weight", [h.feedForwardLength, h.embeddingLength]),
  ];
}

/** The tensors outside the layers; without `output.weight` the embedding serves as output too. */
export function modelTensors(h: Hyperparameters): TensorSpec[] {
  return [
    { name: "token_embd.weight", shape: [h.embeddingLength, h.vocabularySize], role: "table" },
    vector("output_norm.weight", h.embeddingLength),
    ...optional([
      matrix("output.weight", [h.embeddingLength, h.vocabularySize]),
      vector("rope_freqs.weight", h.rope.numDims / 2),
    ]),
  ];
}
