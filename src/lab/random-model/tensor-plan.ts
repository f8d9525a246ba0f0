import type { ModelShape, RopeStretch } from "./shapes.ts";

/** How the numbers of a tensor are drawn. */
export type Draw =
  | { readonly kind: "normal"; readonly mean: number; readonly deviation: number }
  /** `magnitude` with a random sign and a tenth of spread. */
  | { readonly kind: "signed"; readonly magnitude: number }
  | { readonly kind: "given"; readonly values: readonly number[] };

export interface PlannedTensor {
  readonly name: string;
  /** `ne0` first. */
  readonly shape: readonly number[];
  /** Matrices take the type the file is made in, vectors are F32. */
  readonly isMatrix: boolean;
  readonly draw: Draw;
}

/**
 * The constants below were tuned by measurement (test/random-model.test.ts holds them to it): attention must
 * be peaked, or errors of mask, position and RoPE stay invisible; it must reach the logits; and the network
 * must not amplify rounding so much that two correct implementations disagree.
 */

/**
 * Standard deviation of attention scores (after the 1/√headDim). With n keys and scores of deviation s,
 * softmax is diffuse below s = √(2 ln n), which is 3.5 at 500 keys, and peaked above.
 */
const SCORE_DEVIATION = 4.2;
/** Deviation of query and key biases, relative to the part of queries and keys that depends on the token. */
const BIAS_SHARE = 0.4;
/** Deviation of an embedding's entries, about that of Qwen2.5: small enough that the norm's epsilon matters. */
const EMBEDDING_DEVIATION = 0.02;
/** Variance that all attention layers together add to the residual stream, relative to the embedding's. */
const ATTENTION_VARIANCE = 0.15;
/** The same for the feed-forward layers. */
const FEED_FORWARD_VARIANCE = 0.12;
/** Deviation of a head's output when its values have deviation 1 and its attention is as peaked as here. */
const MIXED_VALUE_DEVIATION = 0.6;
/** Deviation of the gate before SiLU; 1 would leave SiLU nearly linear. */
const GATE_DEVIATION = 1.5;
/** Root mean square of silu(g)·u for g of the deviation above and u of deviation 1. */
const GATED_DEVIATION = 0.97;
/**
 * Deviation of logits, relative to √(2 ln vocabulary), where softmax over random logits turns from diffuse to
 * peaked.
 */
const LOGIT_SHARPNESS = 1.1;
/** Spread of the norms' weights around 1: a norm whose weight is forgotten must be seen. */
const NORM_SPREAD = 0.15;

/** All tensors of a model of `shape`, in the order of the file. */
export function planTensors(shape: ModelShape): readonly PlannedTensor[] {
  const { width, vocabularySize } = shape;
  const plan: PlannedTensor[] = [
    matrix("token_embd.weight", [width, vocabularySize], EMBEDDING_DEVIATION),
    {
      name: "output_norm.weight",
      shape: [width],
      isMatrix: false,
      // Random signs: with tied embeddings a token would otherwise always predict itself.
      draw: { kind: "signed", magnitude: logitDeviation(shape) / (EMBEDDING_DEVIATION * Math.sqrt(width)) },
    },
  ];
  if (!shape.tied) plan.push(matrix("output.weight", [width, vocabularySize], EMBEDDING_DEVIATION));
  if (shape.ropeStretch !== undefined) plan.push(ropeFactors(shape, shape.ropeStretch));
  for (let layer = 0; layer < shape.numLayers; layer++) plan.push(...planLayer(shape, `blk.${layer}.`));
  return plan;
}

function logitDeviation(shape: ModelShape): number {
  return LOGIT_SHARPNESS * Math.sqrt(2 * Math.log(shape.vocabularySize));
}

function planLayer(shape: ModelShape, prefix: string): readonly PlannedTensor[] {
  const { width, numLayers, numHeads, headDim, feedForward } = shape;
  const attentionDeviation = EMBEDDING_DEVIATION * Math.sqrt(ATTENTION_VARIANCE / numLayers);
  const feedForwardDeviation = EMBEDDING_DEVIATION * Math.sqrt(FEED_FORWARD_VARIANCE / numLayers);
  const queryWidth = numHeads * headDim;
  const tensors = [
    norm("attn_norm.weight", width, 1),
    ...planProjections(shape),
    matrix(
      "attn_output.weight",
      [queryWidth, width],
      attentionDeviation / (MIXED_VALUE_DEVIATION * Math.sqrt(queryWidth)),
    ),
    norm("ffn_norm.weight", width, 1),
    matrix("ffn_gate.weight", [width, feedForward], GATE_DEVIATION / Math.sqrt(width)),
    matrix("ffn_up.weight", [width, feedForward], 1 / Math.sqrt(width)),
    matrix(
      "ffn_down.weight",
      [feedForward, width],
      feedForwardDeviation / (GATED_DEVIATION * Math.sqrt(feedForward)),
    ),
  ];
  return tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
}

/** Queries, keys and values: with biases in qwen2, with norms over each head in qwen3. */
function planProjections(shape: ModelShape): readonly PlannedTensor[] {
  const { architecture, width, numHeads, numKvHeads, headDim } = shape;
  const [queryWidth, kvWidth] = [numHeads * headDim, numKvHeads * headDim];
  // Query and key share the scores' deviation evenly: each has the root of it.
  const side = Math.sqrt(SCORE_DEVIATION);
  const isNormed = architecture === "qwen3";
  const biasShare = architecture === "qwen2" ? BIAS_SHARE : 0;
  const tokenPart = isNormed ? 1 : side / Math.sqrt(1 + biasShare ** 2);
  const deviation = tokenPart / Math.sqrt(width);
  const tensors = [
    matrix("attn_q.weight", [width, queryWidth], deviation),
    matrix("attn_k.weight", [width, kvWidth], deviation),
    matrix("attn_v.weight", [width, kvWidth], 1 / Math.sqrt(width)),
  ];
  if (biasShare > 0) {
    tensors.push(
      vector("attn_q.bias", queryWidth, 0, biasShare * tokenPart),
      vector("attn_k.bias", kvWidth, 0, biasShare * tokenPart),
      vector("attn_v.bias", kvWidth, 0, 0.2),
    );
  }
  if (isNormed)
    tensors.push(norm("attn_q_norm.weight", headDim, side), norm("attn_k_norm.weight", headDim, side));
  return tensors;
}

/** How much each pair of dimensions turns slower than `ropeBase` says, after Llama 3's rule. */
function ropeFactors({ headDim, ropeBase }: ModelShape, stretch: RopeStretch): PlannedTensor {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContext } = stretch;
  const values = Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * ropeBase ** ((2 * i) / headDim);
    const turns = originalContext / wavelength;
    const smooth = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
    const share = Math.min(1, Math.max(0, smooth));
    return 1 / ((1 - share) / factor + share);
  });
  return {
    name: "rope_freqs.weight",
    shape: [headDim / 2],
    isMatrix: false,
    draw: { kind: "given", values },
  };
}

function matrix(name: string, shape: readonly number[], deviation: number): PlannedTensor {
  return { name, shape, isMatrix: true, draw: { kind: "normal", mean: 0, deviation } };
}

function vector(name: string, length: number, mean: number, deviation: number): PlannedTensor {
  return { name, shape: [length], isMatrix: false, draw: { kind: "normal", mean, deviation } };
}

function norm(name: string, length: number, mean: number): PlannedTensor {
  return vector(name, length, mean, NORM_SPREAD * mean);
}
