import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { RondoError } from "../../core/errors.ts";
import type { MetadataValue } from "../../gguf/metadata-value.ts";
import { readGguf } from "../../gguf/reader.ts";
import { type WriteOptions, writeGguf } from "../../gguf/writer.ts";
import { MODEL_SHAPES, type ModelShape, type ModelShapeName } from "./shapes.ts";
import { type RandomModelType, storedType, TensorByteMaker } from "./tensor-bytes.ts";
import { planTensors } from "./tensor-plan.ts";
import { vocabularyMetadata } from "./vocabulary.ts";

export interface RandomModelOptions extends WriteOptions {
  /** Another seed gives other numbers; 1 unless given. */
  readonly seed?: number;
  /** Type of the token embedding and the output matrix; that of the other matrices unless given. */
  readonly outputType?: RandomModelType;
}

/** In the name of cached files, so that files of an older recipe are not taken for new ones. */
const RECIPE_VERSION = 3;
/** `enum llama_ftype`. */
const FILE_TYPES: Readonly<Record<RandomModelType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q8_0: 7,
  Q4_K: 14,
  Q6_K: 18,
};
const QUANTIZATION_VERSION = 2;

/**
 * Writes a model of random numbers: a sound GGUF file with vocabulary and chat template, whose attention is
 * peaked and whose next-token distributions are informative. Matrices are of `type`; where their rows are no
 * multiple of its block, they become what llama.cpp's quantiser makes of them (Q4_K → Q5_0, Q6_K → Q8_0).
 * The same shape, type and seed give the same bytes.
 *
 * @throws RondoError `DIRECTORY_NOT_WRITABLE`, the signal's reason where it is aborted.
 */
export async function writeRandomModel(
  path: string,
  name: ModelShapeName,
  type: RandomModelType,
  options: RandomModelOptions = {},
): Promise<void> {
  const { seed = 1, outputType = type } = options;
  const shape = MODEL_SHAPES[name];
  const maker = new TensorByteMaker(seed);
  const sources = planTensors(shape).map((tensor) => {
    const isVocabulary = tensor.name === "token_embd.weight" || tensor.name === "output.weight";
    const stored = storedType(tensor, isVocabulary ? outputType : type);
    return { name: tensor.name, type: stored, shape: tensor.shape, data: () => maker.bytes(tensor, stored) };
  });
  await writeGguf(path, modelMetadata(name, shape, type), sources, options);
}

/**
 * The path of a random model in `directory`, which is made on first use: written under a temporary name and
 * renamed, so that processes that want the same one at once do no harm.
 *
 * @throws RondoError `DIRECTORY_NOT_WRITABLE`, the signal's reason where it is aborted.
 */
export async function cachedRandomModel(
  name: ModelShapeName,
  type: RandomModelType,
  directory: string,
  options: RandomModelOptions = {},
): Promise<string> {
  const { seed = 1, outputType = type } = options;
  const types = outputType === type ? type : `${type}-${outputType}`;
  const path = join(directory, `${name}-${types}-seed${seed}-v${RECIPE_VERSION}.gguf`);
  if (await isComplete(path)) return path;
  await makeDirectory(directory);
  await writeRandomModel(path, name, type, options);
  return path;
}

/** Whether a readable model is at `path`; a damaged one, say of a full disk, is made anew. */
async function isComplete(path: string): Promise<boolean> {
  try {
    await stat(path);
  } catch {
    return false;
  }
  try {
    await readGguf(path);
    return true;
  } catch (error) {
    if (error instanceof RondoError) return false;
    throw error;
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (cause) {
    const why = (cause as Error).message;
    throw new RondoError("DIRECTORY_NOT_WRITABLE", `making ${directory}: ${why}; choose another directory`, {
      cause,
    });
  }
}

function modelMetadata(
  name: ModelShapeName,
  shape: ModelShape,
  type: RandomModelType,
): ReadonlyMap<string, MetadataValue> {
  const { architecture } = shape;
  const uint32 = (value: number): MetadataValue => ({ type: "uint32", value });
  const float32 = (value: number): MetadataValue => ({ type: "float32", value });
  return new Map<string, MetadataValue>([
    ["general.architecture", { type: "string", value: architecture }],
    ["general.name", { type: "string", value: `random ${name}` }],
    ["general.file_type", uint32(FILE_TYPES[type])],
    ["general.quantization_version", uint32(QUANTIZATION_VERSION)],
    [`${architecture}.block_count`, uint32(shape.numLayers)],
    [`${architecture}.context_length`, uint32(shape.contextLength)],
    [`${architecture}.embedding_length`, uint32(shape.width)],
    [`${architecture}.feed_forward_length`, uint32(shape.feedForward)],
    [`${architecture}.attention.head_count`, uint32(shape.numHeads)],
    [`${architecture}.attention.head_count_kv`, uint32(shape.numKvHeads)],
    [`${architecture}.attention.key_length`, uint32(shape.headDim)],
    [`${architecture}.attention.value_length`, uint32(shape.headDim)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, float32(shape.rmsEpsilon)],
    [`${architecture}.rope.dimension_count`, uint32(shape.headDim)],
    [`${architecture}.rope.freq_base`, float32(shape.ropeBase)],
    [`${architecture}.vocab_size`, uint32(shape.vocabularySize)],
    ...vocabularyMetadata(architecture === "llama" ? "llama" : "qwen", shape.vocabularySize),
  ]);
}
