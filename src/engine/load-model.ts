import { RondoError } from "../core/errors.ts";
import { Resources } from "../core/resources.ts";
import { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import { type NativeLogSink, setNativeLogSink } from "../ffi/ggml/log.ts";
import { isKernelWidth } from "../ffi/kernel/layout.ts";
import { attentionKernel, type Kernel } from "../ffi/kernel/symbols.ts";
import { type GgufFile, readGguf } from "../gguf/reader.ts";
import type { Architecture } from "../model/architecture.ts";
import { architectures } from "../model/architectures/registry.ts";
import { Decoder } from "../model/decoder.ts";
import { type Hyperparameters, readHyperparameters } from "../model/hyperparameters.ts";
import { checkFits, estimateMemory } from "../model/memory-estimate.ts";
import { placeWeights } from "../model/weight-placement.ts";
import { Weights } from "../model/weights.ts";
import { ChatTemplate } from "../tokenizer/chat-template.ts";
import { Vocabulary } from "../tokenizer/vocabulary.ts";
import { validateVocabulary } from "../tokenizer/vocabulary-checks.ts";
import { Model } from "./model.ts";
import { BATCH_TOKENS, ModelRunner } from "./model-runner.ts";

export interface LoadModelOptions {
  /** Threads that compute; the machine's physical cores by default. */
  readonly threads?: number;
  /** Tokens a chat may hold; what the model was trained for by default, and at most. */
  readonly contextLength?: number;
  /** Called with the share of the model that is loaded, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
  /** Receives what ggml logs, in this whole process; nothing of it is written anywhere by default. */
  readonly onNativeLog?: NativeLogSink;
  /**
   * What computes attention: Rondo's kernel, where this platform has a build of it, or ggml's own operations.
   * The kernel where there is one, and it has code for the model's heads, by default.
   */
  readonly attentionBackend?: "kernel" | "ggml";
}

/**
 * Loads the GGUF file at `path`.
 *
 * @throws RondoError `MODEL_…` where the file cannot be used, `BACKEND_…` where ggml cannot,
 * `OUT_OF_MEMORY`; the signal's reason when it is aborted.
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  if (options.onNativeLog !== undefined) setNativeLogSink(options.onNativeLog);
  const file = await readGguf(path);
  checkIsWhole(file);
  const architecture = findArchitecture(file);
  const h = readHyperparameters(file, architecture.ropeMode);
  const contextLength = chooseContextLength(path, h, options.contextLength);
  validateVocabulary(file.metadata);
  using resources = new Resources();
  const { threads } = options;
  const backend = resources.use(new CpuBackend(threads === undefined ? {} : { threads }));
  const placed = placeWeights(file, architecture, h, backend);
  checkFits(path, estimateMemory(placed, h, { numTokens: BATCH_TOKENS, batchTokens: BATCH_TOKENS }));
  const vocabulary = resources.use(await Vocabulary.load(path));
  const weights = resources.use(await Weights.load(file, placed, backend, options));
  const runner = resources.use(new ModelRunner(new Decoder(architecture, h, weights), backend));
  return new Model({
    path,
    metadata: file.metadata,
    hyperparameters: h,
    contextLength,
    backend,
    kernel: chooseKernel(path, h, options.attentionBackend),
    vocabulary,
    weightBytes: weights.bytes,
    runner,
    template: once(() => ChatTemplate.fromModel(file.metadata, vocabulary)),
    resources: resources.move(),
  });
}

function checkIsWhole({ path, metadata }: GgufFile): void {
  const numParts = metadata.optionalNumber("split.count") ?? 1;
  if (numParts <= 1) return;
  throw new RondoError(
    "MODEL_UNSUPPORTED",
    `loading ${path}: it is one of ${numParts} parts of a model, which are not supported yet; merge them with llama-gguf-split --merge`,
  );
}

function findArchitecture(file: GgufFile): Architecture {
  const name = file.metadata.string("general.architecture");
  const architecture = architectures.find(name);
  if (architecture !== undefined) return architecture;
  throw new RondoError(
    "MODEL_UNSUPPORTED",
    `loading ${file.path}: its architecture is "${name}"; supported are ${architectures.names.join(", ")}`,
  );
}

function chooseContextLength(path: string, h: Hyperparameters, wanted: number | undefined): number {
  if (wanted === undefined) return h.contextLength;
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > h.contextLength) {
    throw new RangeError(
      `loading ${path}: contextLength ${wanted} is not an integer from 1 to ${h.contextLength}, which the model was trained for`,
    );
  }
  return wanted;
}

function chooseKernel(
  path: string,
  { headDim }: Hyperparameters,
  wanted: LoadModelOptions["attentionBackend"],
): Kernel | undefined {
  if (wanted === "ggml") return undefined;
  const kernel = attentionKernel();
  if (kernel === undefined && wanted === "kernel") {
    throw new RondoError(
      "BACKEND_MISSING",
      `loading the attention kernel: there is no build for ${process.platform}-${process.arch}; ` +
        'in a clone run npm install with a C++ compiler, or choose attentionBackend "ggml"',
    );
  }
  if (isKernelWidth(headDim)) return kernel;
  if (wanted === undefined) return undefined;
  throw new RondoError(
    "MODEL_UNSUPPORTED",
    `loading ${path}: the attention kernel has no code for heads of ${headDim} elements; ` +
      'choose attentionBackend "ggml"',
  );
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
