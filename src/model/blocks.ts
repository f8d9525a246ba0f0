import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";
import type { AttentionStep, QueryKeyValue } from "../kv/attention-step.ts";
import type { Hyperparameters } from "./hyperparameters.ts";

const F32_BYTES = 4;

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
  const { graph, hyperparameters: h } = layer;
  const rotate = (name: "q" | "k", a: Tensor): Tensor =>
    graph.rope(headNorm(layer, `attn_${name}_norm.weight`, a), layer.positions, layer.ropeFactors, h.rope);

  const { q, k, v } = projectHeads(layer, x);
  const attended = layer.attention.attend(graph, layer.index, {
    q: rotate("q", q),
    k: rotate("k", k),
    v,
  });
  return project(layer, "attn_output", attended);
}

/** SwiGLU: `down(silu(gate(x)) · up(x))`. */
export function feedForwardBlock(layer: LayerBuilder, x: Tensor): Tensor {
  const { graph } = layer;
  const stacked = projectStack(layer, "ffn_gate_up", x);
  const gated =
    stacked === undefined
      ? graph.swiglu(project(layer, "ffn_gate", x), project(layer, "ffn_up", x))
      : graph.swigluHalves(stacked);
  return project(layer, "ffn_down", gated);
}

/** Queries, keys and values `[headDim, heads, numTokens]` of `x`, by one product or by three. */
function projectHeads(layer: LayerBuilder, x: Tensor): QueryKeyValue {
  const { numHeads, numKvHeads } = layer.hyperparameters;
  const stack = projectStack(layer, "attn_qkv", x);
  if (stack === undefined) {
    const heads = (name: "q" | "k" | "v", count: number): Tensor =>
      viewHeads(layer, project(layer, `attn_${name}`, x), { first: 0, count, total: count });
    return { q: heads("q", numHeads), k: heads("k", numKvHeads), v: heads("v", numKvHeads) };
  }
  const total = numHeads + 2 * numKvHeads;
  const heads = (first: number, count: number): Tensor => viewHeads(layer, stack, { first, count, total });
  return {
    q: heads(0, numHeads),
    k: heads(numHeads, numKvHeads),
    v: heads(numHeads + numKvHeads, numKvHeads),
  };
}

/** Heads `first` to `first + count` of `total` that lie one after another in `a [headDim · total, numTokens]` f32. */
function viewHeads(
  { graph, hyperparameters: { headDim }, numTokens }: LayerBuilder,
  a: Tensor,
  { first, count, total }: { readonly first: number; readonly count: number; readonly total: number },
): Tensor {
  const headBytes = headDim * F32_BYTES;
  return graph.view3d(a, [headDim, count, numTokens], [headBytes, total * headBytes], first * headBytes);
}

/** The product with a stack of weights, with its biases; undefined where they do not lie in a stack. */
function projectStack(layer: LayerBuilder, name: string, x: Tensor): Tensor | undefined {
  return layer.optionalWeight(`${name}.weight`) === undefined ? undefined : project(layer, name, x);
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
