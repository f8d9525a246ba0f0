import { stat } from "node:fs/promises";
import { isRondoError } from "../core/errors.ts";
import { BATCH_TOKENS } from "../engine/model-runner.ts";
import { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { RopeMode, RopeParameters } from "../ffi/ggml/ops.ts";
import type { Metadata } from "../gguf/metadata.ts";
import { type GgufFile, readGguf } from "../gguf/reader.ts";
import type { TensorTypeName } from "../gguf/tensor-types.ts";
import { bytesPerToken } from "../kv/kv-cache.ts";
import type { Architecture } from "../model/architecture.ts";
import { architectures } from "../model/architectures/registry.ts";
import { type Hyperparameters, readHyperparameters } from "../model/hyperparameters.ts";
import { availableMemoryBytes, estimateMemory, type MemoryEstimate } from "../model/memory-estimate.ts";
import { placeWeights } from "../model/weight-placement.ts";
import { validateVocabulary } from "../tokenizer/vocabulary-checks.ts";

/** What a model file holds and whether it can be run. */
export interface Inspection {
  readonly path: string;
  readonly sizeBytes: number;
  /** Why the file cannot be run; empty where it can be. */
  readonly unsupported: readonly string[];
  /** Undefined where the file's form itself is not known. */
  readonly content: ModelContent | undefined;
}

export interface ModelContent {
  readonly name: string | undefined;
  readonly architecture: string;
  readonly license: string | undefined;
  /** Undefined where an unknown architecture does not state them in the usual way. */
  readonly hyperparameters: StatedSizes | undefined;
  /** As the file states it: "none", "linear", "yarn", …; undefined where it states nothing. */
  readonly ropeScaling: string | undefined;
  readonly numParameters: number;
  readonly tensorTypes: readonly TensorTypeUse[];
  readonly kvBytesPer1000Tokens: number | undefined;
  /** With the KV of a full context; undefined for a model that cannot be run. */
  readonly memory: (MemoryEstimate & { readonly availableBytes: number }) | undefined;
  readonly chatTemplate: string | undefined;
  readonly specialTokens: readonly SpecialToken[];
}

/** RoPE's mode follows from the architecture, so that of an unknown one is not known. */
export type StatedSizes = Omit<Hyperparameters, "rope"> & {
  readonly rope: Omit<RopeParameters, "mode"> & { readonly mode: RopeMode | undefined };
};

export interface TensorTypeUse {
  readonly type: TensorTypeName;
  readonly count: number;
  readonly bytes: number;
}

export interface SpecialToken {
  /** `bos` of `tokenizer.ggml.bos_token_id`, and so on. */
  readonly name: string;
  readonly id: number;
  /** Undefined where the vocabulary has no such id. */
  readonly text: string | undefined;
}

/**
 * Looks at the model file at `path` without loading its tensors.
 *
 * @throws RondoError `MODEL_…` for a file that is broken; one that is merely not supported is described.
 */
export async function inspectModel(path: string): Promise<Inspection> {
  const reasons: string[] = [];
  const file = await supported(reasons, () => readGguf(path));
  if (file === undefined) {
    const { size } = await stat(path);
    return { path, sizeBytes: size, unsupported: reasons, content: undefined };
  }
  const content = await describe(file, reasons);
  return { path, sizeBytes: file.sizeBytes, unsupported: reasons, content };
}

async function describe(file: GgufFile, reasons: string[]): Promise<ModelContent> {
  const { metadata } = file;
  const name = metadata.string("general.architecture");
  const architecture = architectures.find(name);
  if (architecture === undefined) {
    reasons.push(`the architecture is "${name}"; supported are ${architectures.names.join(", ")}`);
  }
  const { sizes, memory } =
    architecture === undefined
      ? { sizes: usualSizes(file), memory: undefined }
      : await checkUse(file, architecture, reasons);
  return {
    name: metadata.optionalString("general.name"),
    architecture: name,
    license: metadata.optionalString("general.license"),
    hyperparameters: sizes,
    ropeScaling: metadata.optionalString(`${name}.rope.scaling.type`),
    numParameters: [...file.tensors.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b),
      0,
    ),
    tensorTypes: countTypes(file),
    kvBytesPer1000Tokens: sizes === undefined ? undefined : 1000 * bytesPerToken(sizes),
    memory,
    chatTemplate: metadata.optionalString("tokenizer.chat_template"),
    specialTokens: findSpecialTokens(metadata),
  };
}

/** What loading a model would check, up to the reading of its tensors. */
async function checkUse(
  file: GgufFile,
  architecture: Architecture,
  reasons: string[],
): Promise<{ readonly sizes: StatedSizes | undefined; readonly memory: ModelContent["memory"] }> {
  const sizes = await supported(reasons, () => readHyperparameters(file, architecture.ropeMode));
  await supported(reasons, () => validateVocabulary(file.metadata));
  if (sizes === undefined) return { sizes, memory: undefined };
  return { sizes, memory: await supported(reasons, () => estimate(file, architecture, sizes)) };
}

/** An architecture that we do not know may still state its sizes in the usual way; if not, nothing is wrong. */
function usualSizes(file: GgufFile): StatedSizes | undefined {
  try {
    const sizes = readHyperparameters(file, "neox");
    return { ...sizes, rope: { ...sizes.rope, mode: undefined } };
  } catch (error) {
    if (isRondoError(error)) return undefined;
    throw error;
  }
}

function estimate(
  file: GgufFile,
  architecture: Architecture,
  h: Hyperparameters,
): MemoryEstimate & { readonly availableBytes: number } {
  using backend = new CpuBackend({ threads: 1 });
  const placed = placeWeights(file, architecture, h, backend);
  const memory = estimateMemory(placed, h, { numTokens: h.contextLength, batchTokens: BATCH_TOKENS });
  return { ...memory, availableBytes: availableMemoryBytes() };
}

function countTypes(file: GgufFile): readonly TensorTypeUse[] {
  const uses = new Map<TensorTypeName, TensorTypeUse>();
  for (const { type, sizeBytes } of file.tensors.values()) {
    const { count, bytes } = uses.get(type) ?? { count: 0, bytes: 0 };
    uses.set(type, { type, count: count + 1, bytes: bytes + sizeBytes });
  }
  return [...uses.values()].sort((a, b) => b.bytes - a.bytes);
}

function findSpecialTokens(metadata: Metadata): readonly SpecialToken[] {
  const entry = metadata.raw("tokenizer.ggml.tokens");
  const texts = entry?.type === "array" && entry.elementType === "string" ? entry.value : [];
  return [...metadata.keys()].flatMap((key) => {
    const [, name] = /^tokenizer\.ggml\.(\w+)_token_id$/.exec(key) ?? [];
    const id = metadata.raw(key)?.value;
    return name === undefined || typeof id !== "number" ? [] : [{ name, id, text: texts[id] }];
  });
}

/** Runs `task`; where it says that the file is not supported here, notes why and answers with undefined. */
async function supported<T>(reasons: string[], task: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await task();
  } catch (error) {
    const isUnsupported = isRondoError(error, "MODEL_UNSUPPORTED") || isRondoError(error, "BACKEND_MISSING");
    if (!isUnsupported) throw error;
    reasons.push(error.message);
    return undefined;
  }
}
