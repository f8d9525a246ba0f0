import { RondoError } from "../core/errors.ts";
import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";
import { setTensorAsync, TensorArena, tensorBytes } from "../ffi/ggml/tensor-arena.ts";
import { F32 } from "../ffi/ggml/tensor-type.ts";
import type { GgufFile } from "../gguf/reader.ts";
import { TensorReader } from "../gguf/tensor-data.ts";
import { type PlacedWeight, placedBytes } from "./weight-placement.ts";

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

  #declare({ name, parts, shape, isRepacked }: PlacedWeight): Tensor {
    const [ne0 = 1, ...rest] = shape;
    const arena = isRepacked ? this.#repacked : this.#plain;
    const tensor = arena.declare(parts[0]?.typeId ?? F32, [ne0, ...rest]);
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
  const sized = tasks.map((task) => ({ task, bytes: placedBytes(task.weight) }));
  const totalBytes = sized.reduce((sum, { bytes }) => sum + bytes, 0);
  // Large tensors first, so that the last one does not keep a single reader busy.
  const queue = sized.sort((a, b) => a.bytes - b.bytes);
  let loadedBytes = 0;
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      signal?.throwIfAborted();
      await loadOne(reader, next.task, next.bytes);
      loadedBytes += next.bytes;
      onProgress?.(loadedBytes / totalBytes);
    }
  };
  // All must have stopped before anyone frees the memory they write to.
  const results = await Promise.allSettled(Array.from({ length: CONCURRENT_READS }, work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Plain memory is read into directly; repacked memory takes a whole tensor at once. */
async function loadOne(reader: TensorReader, { weight, tensor }: LoadTask, bytes: number): Promise<void> {
  const target = weight.isRepacked ? Buffer.allocUnsafeSlow(bytes) : tensorBytes(tensor);
  if (target.length !== bytes) {
    throw new RondoError(
      "MODEL_CORRUPT",
      `loading "${weight.name}": ggml expects ${target.length} bytes for it`,
    );
  }
  let start = 0;
  for (const part of weight.parts) {
    await reader.readInto(part, target.subarray(start, start + part.sizeBytes));
    start += part.sizeBytes;
  }
  if (weight.isRepacked) await setTensorAsync(tensor, target);
}
