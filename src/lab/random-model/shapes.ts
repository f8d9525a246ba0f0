/** Everything about a random model but its numbers. */
export interface ModelShape {
  readonly architecture: "llama" | "qwen2" | "qwen3";
  readonly numLayers: number;
  /** Length of a token's vector between layers. */
  readonly width: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly ropeBase: number;
  readonly rmsEpsilon: number;
  /** Whether the output matrix is the token embedding. */
  readonly tied: boolean;
  /** Frequencies stretched as Llama 3 does, in the tensor rope_freqs.weight. */
  readonly ropeStretch?: RopeStretch;
}

export interface RopeStretch {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalContext: number;
}

export type ModelShapeName =
  | "tiny-llama"
  | "tiny-llama-k"
  | "tiny-qwen2"
  | "tiny-qwen2-k"
  | "tiny-qwen3"
  | "tiny-qwen3-k"
  | "llama-3.2-1b"
  | "qwen2.5-0.5b"
  | "qwen3-0.6b";

const LLAMA_3_STRETCH: RopeStretch = {
  factor: 32,
  lowFrequencyFactor: 1,
  highFrequencyFactor: 4,
  originalContext: 8192,
};

/**
 * Shapes by name. The tiny ones are odd on purpose: widths that are no power of two, 1, 2, 3, 4 or 7 query
 * heads to a key-value head, heads wider or narrower than width over heads, vocabularies that are no multiple
 * of 8. All their rows are multiples of 32; those of the `-k` ones are multiples of 256, as K-quants want.
 */
export const MODEL_SHAPES: Readonly<Record<ModelShapeName, ModelShape>> = {
  "tiny-llama": {
    architecture: "llama",
    numLayers: 3,
    width: 96,
    numHeads: 6,
    numKvHeads: 2,
    headDim: 16,
    feedForward: 224,
    vocabularySize: 515,
    contextLength: 4096,
    ropeBase: 10_000,
    rmsEpsilon: 1e-5,
    tied: false,
    ropeStretch: { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 256 },
  },
  "tiny-llama-k": {
    architecture: "llama",
    numLayers: 3,
    width: 256,
    numHeads: 8,
    numKvHeads: 2,
    headDim: 32,
    feedForward: 512,
    vocabularySize: 512,
    contextLength: 4096,
    ropeBase: 10_000,
    rmsEpsilon: 1e-5,
    tied: true,
  },
  "tiny-qwen2": {
    architecture: "qwen2",
    numLayers: 5,
    width: 224,
    numHeads: 7,
    numKvHeads: 1,
    headDim: 32,
    feedForward: 416,
    vocabularySize: 509,
    contextLength: 4096,
    ropeBase: 1_000_000,
    rmsEpsilon: 1e-6,
    tied: true,
  },
  "tiny-qwen2-k": {
    architecture: "qwen2",
    numLayers: 4,
    width: 512,
    numHeads: 8,
    numKvHeads: 4,
    headDim: 64,
    feedForward: 768,
    vocabularySize: 512,
    contextLength: 4096,
    ropeBase: 1_000_000,
    rmsEpsilon: 1e-6,
    tied: false,
  },
  "tiny-qwen3": {
    architecture: "qwen3",
    numLayers: 4,
    width: 160,
    numHeads: 4,
    numKvHeads: 4,
    headDim: 48,
    feedForward: 352,
    vocabularySize: 521,
    contextLength: 4096,
    ropeBase: 1_000_000,
    rmsEpsilon: 1e-6,
    tied: false,
  },
  "tiny-qwen3-k": {
    architecture: "qwen3",
    numLayers: 3,
    width: 256,
    numHeads: 6,
    numKvHeads: 2,
    headDim: 128,
    feedForward: 768,
    vocabularySize: 512,
    contextLength: 4096,
    ropeBase: 1_000_000,
    rmsEpsilon: 1e-6,
    tied: true,
  },
  "llama-3.2-1b": {
    architecture: "llama",
    numLayers: 16,
    width: 2048,
    numHeads: 32,
    numKvHeads: 8,
    headDim: 64,
    feedForward: 8192,
    vocabularySize: 128_256,
    contextLength: 131_072,
    ropeBase: 500_000,
    rmsEpsilon: 1e-5,
    tied: true,
    ropeStretch: LLAMA_3_STRETCH,
  },
  "qwen2.5-0.5b": {
    architecture: "qwen2",
    numLayers: 24,
    width: 896,
    numHeads: 14,
    numKvHeads: 2,
    headDim: 64,
    feedForward: 4864,
    vocabularySize: 151_936,
    contextLength: 131_072,
    ropeBase: 1_000_000,
    rmsEpsilon: 1e-6,
    tied: true,
  },
  "qwen3-0.6b": {
    architecture: "qwen3",
    numLayers: 28,
    width: 1024,
    numHeads: 16,
    numKvHeads: 8,
    headDim: 128,
    feedForward: 3072,
    vocabularySize: 151_936,
    contextLength: 40_960,
    ropeBase: 1_000_000,
    rmsEpsilon: 1e-6,
    tied: true,
  },
};

export const MODEL_SHAPE_NAMES: readonly ModelShapeName[] = Object.keys(MODEL_SHAPES) as ModelShapeName[];

export function isModelShapeName(text: string): text is ModelShapeName {
  return Object.hasOwn(MODEL_SHAPES, text);
}
