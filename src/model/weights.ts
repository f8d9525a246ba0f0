import { RondoError } from "../core/errors.ts";
import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";
import { setTensorAsync, TensorArena, tensorBytes } from "../ffi/ggml/tensor-arena.ts";
import type { GgufFile } from "../gguf/reader.ts";
import { TensorReader } from "../gguf/tensor-data.ts";
import type { PlacedWeight } from "./weight-placement.ts";

export interface LoadWeightsOptions {
  /** Called with the share of the weights that is in memory, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

interface LoadTask {
  readonly weight: PlacedWeight;
  readonly tensor: Tensor;
}

/** Tensors read at the same time: while one is repacked on a worker thread the next is read. */
const CONCURRENT_READS = 2;

/** A model's weights in native memory, by name. */
export class Weights implements Disposable {
  readonly #plain: TensorArena;
  readonly #repacked: TensorArena;
  readonly #tensors = new Map<string, Tensor>();

  private constructor(numTensors: number) {
    this.#plain = new TensorArena(numTensors);
    this.#repacked = new TensorArena(numTensors);
  }

  /** @throws RondoError `OUT_OF_MEMORY`, `MODEL_TRUNCATED`, or the signal's reason. */
  static async load(
    file: GgufFile,
    placed: readonly PlacedWeight[],
    backend: CpuBackend,
    options: LoadWeightsOptions = {},
  ): Promise<Weights> {
    const weights = new Weights(placed.length);
    try {
      const tasks = placed.map((weight) => ({ weight, tensor: weights.#declare(weight) }));
      weights.#plain.allocate(backend.bufferType);
      if (backend.repackBufferType !== undefined) weights.#repacked.allocate(backend.repackBufferType);
      weights.#plain.markAsWeights();
      weights.#repacked.markAsWeights();
      await loadAll(file, tasks, options);
      return weights;
    } catch (error) {
      weights[Symbol.dispose]();
      throw error;
    }
  }

  /** Bytes of native memory that the weights take. */
  get bytes(): number {
    return this.#plain.bytes + this.#repacked.bytes;
  }

  find(name: string): Tensor | undefined {
    return this.#tensors.get(name);
  }

  get(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new RangeError(`the weight "${name}" was not loaded`);
    return tensor;
  }

  [Symbol.dispose](): void {
    this.#plain[Symbol.dispose]();
    this.#repacked[Symbol.dispose]();
  }

  #declare({ name, info, isRepacked }: PlacedWeight): Tensor {
    const [ne0 = 1, ...rest] = info.shape;
    const tensor = (isRepacked ? this.#repacked : this.#plain).declare(info.typeId, [ne0, ...rest]);
    this.#tensors.set(name, tensor);
    return tensor;
  }
}

async function loadAll(
  file: GgufFile,
  tasks: readonly LoadTask[],
  { onProgress, signal }: LoadWeightsOptions,
): Promise<void> {
  await using reader = await TensorReader.open(file);
  const totalBytes = tasks.reduce((sum, { weight }) => sum + weight.info.sizeBytes, 0);
  // Large tensors first, so that the last one does not keep a single reader busy.
  const queue = tasks.toSorted((a, b) => a.weight.info.sizeBytes - b.weight.info.sizeBytes);
  let loadedBytes = 0;
  const work = async (): Promise<void> => {
    for (let task = queue.pop(); task !== undefined; task = queue.pop()) {
      signal?.throwIfAborted();
      await loadOne(reader, task);
      loadedBytes += task.weight.info.sizeBytes;
      onProgress?.(loadedBytes / totalBytes);
    }
  };
  // All must have stopped before anyone frees the memory they write to.
  const results = await Promise.allSettled(Array.from({ length: CONCURRENT_READS }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Plain memory is read into directly; repacked memory takes a whole tensor at once. */
async function loadOne(reader: TensorReader, { weight, tensor }: LoadTask): Promise<void> {
  if (!weight.isRepacked) {
    const target = tensorBytes(tensor);
    if (target.length !== weight.info.sizeBytes) {
      throw new RondoError(
        "MODEL_CORRUPT",
        `loading "${weight.name}": ggml expects ${target.length} bytes for it`,
      );
    }
    await reader.readInto(weight.info, target);
    return;
  }
  const bytes = Buffer.allocUnsafeSlow(weight.info.sizeBytes);
  await reader.readInto(weight.info, bytes);
  await setTensorAsync(tensor, bytes);
}
