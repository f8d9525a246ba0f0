import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";
import type { AttentionStep } from "../kv/attention-step.ts";
import type { Hyperparameters } from "./hyperparameters.ts";

/** What the blocks of one layer need while they are added to a graph. */
export interface LayerBuilder {
  readonly graph: GraphBuilder;
  readonly index: number;
  readonly hyperparameters: Hyperparameters;
  /** Tokens of the batch. */
  readonly numTokens: number;
  /** `[numTokens]` i32, the place of each token in the text. */
  readonly positions: Tensor;
  /** `[rope.numDims / 2]` f32. */
  readonly ropeFactors: Tensor | undefined;
  readonly attention: AttentionStep;
  /** The layer's weight of that name. */
  weight(name: string): Tensor;
  optionalWeight(name: string): Tensor | undefined;
}

/** The layer of most decoders: `x + attention(norm(x))`, then `x + feedForward(norm(x))`. */
export function preNormLayer(layer: LayerBuilder, x: Tensor): Tensor {
  const { graph } = layer;
  const attended = graph.add(attentionBlock(layer, norm(layer, x, "attn_norm.weight")), x);
  return graph.add(feedForwardBlock(layer, norm(layer, attended, "ffn_norm.weight")), attended);
}

/** RMS norm times a weight; `x [n, …]`. */
export function norm({ graph, hyperparameters, weight }: LayerBuilder, x: Tensor, name: string): Tensor {
  return graph.mul(graph.rmsNorm(x, hyperparameters.normEpsilon), weight(name));
}

/**
 * Grouped-query attention over what `layer.attention` lets the batch read: project, normalise each head where
 * the file has norms, rotate, attend, project back. `x [embeddingLength, numTokens]` in and out.
 */
export function attentionBlock(layer: LayerBuilder, x: Tensor): Tensor {
  const { graph, hyperparameters: h, numTokens } = layer;
  const heads = (name: "q" | "k" | "v", count: number): Tensor =>
    graph.reshape3d(project(layer, `attn_${name}`, x), h.headDim, count, numTokens);
  const rotate = (name: "q" | "k", a: Tensor): Tensor =>
    graph.rope(headNorm(layer, `attn_${name}_norm.weight`, a), layer.positions, layer.ropeFactors, h.rope);

  const q = rotate("q", heads("q", h.numHeads));
  const k = rotate("k", heads("k", h.numKvHeads));
  const v = heads("v", h.numKvHeads);
  const attended = layer.attention.attend(graph, layer.index, { q, k, v });
  return project(layer, "attn_output", attended);
}

/** SwiGLU: `down(silu(gate(x)) · up(x))`. */
export function feedForwardBlock(layer: LayerBuilder, x: Tensor): Tensor {
  const gated = layer.graph.swiglu(project(layer, "ffn_gate", x), project(layer, "ffn_up", x));
  return project(layer, "ffn_down", gated);
}

/** `weight · x`, and the bias where the file has one. */
function project({ graph, weight, optionalWeight }: LayerBuilder, name: string, x: Tensor): Tensor {
  const product = graph.mulMat(weight(`${name}.weight`), x);
  const bias = optionalWeight(`${name}.bias`);
  return bias === undefined ? product : graph.add(product, bias);
}

function headNorm(layer: LayerBuilder, name: string, x: Tensor): Tensor {
  return layer.optionalWeight(name) === undefined ? x : norm(layer, x, name);
}
