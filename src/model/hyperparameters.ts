import { RondoError } from "../core/errors.ts";
import type { RopeMode, RopeParameters } from "../ffi/ggml/ops.ts";
import type { GgufFile } from "../gguf/reader.ts";

/** The sizes of a decoder, as its file states them (GGUF keys `{architecture}.…`). */
export interface Hyperparameters {
  readonly architecture: string;
  readonly numLayers: number;
  /** Tokens the model was trained to read. */
  readonly contextLength: number;
  /** Elements of the residual stream. */
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Elements of one head's queries, keys and values. */
  readonly headDim: number;
  readonly vocabularySize: number;
  readonly normEpsilon: number;
  readonly rope: RopeParameters;
}

/**
 * Reads and checks the hyperparameters of `file`.
 *
 * @throws RondoError `MODEL_MISSING_KEY`, `MODEL_CORRUPT` for a size that cannot be, `MODEL_UNSUPPORTED` for a
 * variant that the shared blocks do not compute.
 */
export function readHyperparameters(file: GgufFile, ropeMode: RopeMode): Hyperparameters {
  const { metadata } = file;
  const architecture = metadata.string("general.architecture");
  const key = (name: string): string => `${architecture}.${name}`;
  const size = (name: string): number => positive(file, key(name), perLayerNumber(file, key(name)));
  const optionalSize = (name: string): number | undefined =>
    metadata.has(key(name)) ? size(name) : undefined;

  const embeddingLength = size("embedding_length");
  const numHeads = size("attention.head_count");
  const numKvHeads = optionalSize("attention.head_count_kv") ?? numHeads;
  const headDim = optionalSize("attention.key_length") ?? embeddingLength / numHeads;
  const valueDim = optionalSize("attention.value_length") ?? headDim;
  check(file, numHeads % numKvHeads === 0, `${numHeads} query heads cannot share ${numKvHeads} KV heads`);
  check(file, Number.isInteger(headDim), `${embeddingLength} does not divide into ${numHeads} heads`);
  if (valueDim !== headDim) {
    throw unsupported(file, `values of ${valueDim} elements beside keys of ${headDim}`);
  }
  const contextLength = size("context_length");
  const normEpsilon = metadata.number(key("attention.layer_norm_rms_epsilon"));
  check(file, Number.isFinite(normEpsilon) && normEpsilon >= 0, `the norms' epsilon is ${normEpsilon}`);
  refuseVariants(file, key);
  return {
    architecture,
    numLayers: size("block_count"),
    contextLength,
    embeddingLength,
    feedForwardLength: size("feed_forward_length"),
    numHeads,
    numKvHeads,
    headDim,
    vocabularySize: metadata.strings("tokenizer.ggml.tokens").length,
    normEpsilon,
    rope: readRope(file, { architecture, headDim, contextLength, mode: ropeMode }),
  };
}

/** Variants of the same architecture name whose files would load and compute something else. */
function refuseVariants({ metadata, path }: GgufFile, key: (name: string) => string): void {
  const numExperts = metadata.optionalNumber(key("expert_count")) ?? 0;
  if (numExperts > 0) throw unsupported({ path }, `a mixture of ${numExperts} experts`);
  if (metadata.optionalBoolean(key("attention.causal")) === false)
    throw unsupported({ path }, "attention that is not causal, as embedding models have it,");
}

interface RopeContext {
  readonly architecture: string;
  readonly headDim: number;
  readonly contextLength: number;
  readonly mode: RopeMode;
}

/** RoPE with its scaling: `linear` divides positions, `yarn` is arXiv 2309.00071 as llama.cpp computes it. */
function readRope(
  file: GgufFile,
  { architecture, headDim, contextLength, mode }: RopeContext,
): RopeParameters {
  const { metadata } = file;
  const number = (name: string): number | undefined =>
    metadata.optionalNumber(`${architecture}.rope.${name}`);
  const numDims = number("dimension_count") ?? headDim;
  check(
    file,
    numDims > 0 && numDims <= headDim && numDims % 2 === 0,
    `RoPE over ${numDims} of ${headDim} elements`,
  );
  const scaling = metadata.optionalString(`${architecture}.rope.scaling.type`) ?? "linear";
  if (scaling !== "none" && scaling !== "linear" && scaling !== "yarn") {
    throw unsupported(file, `RoPE scaling "${scaling}" (supported: none, linear, yarn)`);
  }
  const stated = number("scaling.factor") ?? number("scale_linear") ?? 1;
  // A factor of 0 means "not scaled", and is what some converters write.
  const factor = scaling === "none" || stated === 0 ? 1 : stated;
  const isYarn = scaling === "yarn";
  // ggml multiplies the magnitude by 1 + 0.1·ln(factor) under YaRN by itself; files state the rest.
  const rope: RopeParameters = {
    mode,
    numDims,
    freqBase: number("freq_base") ?? 10_000,
    freqScale: 1 / factor,
    extFactor: isYarn ? (number("scaling.yarn_ext_factor") ?? 1) : 0,
    attnFactor: number("scaling.attn_factor") ?? 1,
    betaFast: number("scaling.yarn_beta_fast") ?? 32,
    betaSlow: number("scaling.yarn_beta_slow") ?? 1,
    originalContext: number("scaling.original_context_length") ?? contextLength,
  };
  checkRope(file, rope);
  return rope;
}

/** With any other number queries and keys would be NaN, or turn the wrong way. */
function checkRope(file: GgufFile, rope: RopeParameters): void {
  const positive = [
    "freqBase",
    "freqScale",
    "attnFactor",
    "betaFast",
    "betaSlow",
    "originalContext",
  ] as const;
  for (const name of positive) {
    // ggml takes them in single precision.
    const value = Math.fround(rope[name]);
    check(file, Number.isFinite(value) && value > 0, `RoPE's ${name} is ${rope[name]}`);
  }
  check(file, Number.isFinite(rope.extFactor), `RoPE's extFactor is ${rope.extFactor}`);
}

/** A number that files state once or per layer; only equal layers are supported. */
function perLayerNumber(file: GgufFile, key: string): number {
  const { metadata } = file;
  if (metadata.raw(key)?.type !== "array") return metadata.number(key);
  const values = metadata.numbers(key);
  const [first = 0] = values;
  if (values.some((value) => value !== first))
    throw unsupported(file, `${key} that differs from layer to layer`);
  return first;
}

function positive(file: GgufFile, key: string, value: number): number {
  check(file, Number.isInteger(value) && value > 0 && value < 2 ** 31, `${key} is ${value}`);
  return value;
}

function check(file: GgufFile, isValid: boolean, why: string): void {
  if (!isValid)
    throw new RondoError("MODEL_CORRUPT", `loading ${file.path}: ${why}; download the model again`);
}

function unsupported({ path }: Pick<GgufFile, "path">, what: string): RondoError {
  return new RondoError("MODEL_UNSUPPORTED", `loading ${path}: ${what} is not supported; use another model`);
}
