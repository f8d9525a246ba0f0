import { ggml } from "../../ffi/ggml/symbols.ts";
import { rowBytes, type TensorTypeName, tensorBytes, tensorType } from "../../gguf/tensor-types.ts";
import { RandomSource } from "./random-source.ts";
import type { Draw, PlannedTensor } from "./tensor-plan.ts";

/** Types a random model can be made in. */
export type RandomModelType = "F32" | "F16" | "Q8_0" | "Q4_0" | "Q4_K" | "Q6_K";
export const RANDOM_MODEL_TYPES: readonly RandomModelType[] = ["F32", "F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"];

/** Matrices up to this size are drawn number by number, larger ones put together from a pool. */
const MAX_DRAWN_ELEMENTS = 2 ** 19;
const POOL_ELEMENTS = 2 ** 21;
/** Pieces of a row; two rows of a vocabulary must not be equal, and the pool has few starts for one piece. */
const SEGMENTS_PER_ROW = 4;
const CHUNK_BYTES = 2 ** 21;

/** What a type becomes where rows are no multiple of its block, as llama.cpp's quantiser does it. */
const FALLBACKS: Readonly<Partial<Record<TensorTypeName, TensorTypeName>>> = { Q4_K: "Q5_0", Q6_K: "Q8_0" };

/** The type in which a tensor of a model made in `type` is stored: vectors F32, matrices `type` where it fits. */
export function storedType({ isMatrix, shape }: PlannedTensor, type: RandomModelType): TensorTypeName {
  if (!isMatrix) return "F32";
  const rowLength = shape[0] ?? 1;
  for (const candidate of [type, FALLBACKS[type]]) {
    if (candidate !== undefined && rowLength % tensorType(candidate).blockSize === 0) return candidate;
  }
  return "F16";
}

/** Makes the bytes of tensors; pools of numbers are drawn once for all tensors that can share them. */
export class TensorByteMaker {
  readonly #seed: number;
  readonly #pools = new Map<string, Uint8Array>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The bytes of `tensor` in `type`, in pieces; the same for the same seed, name, shape and type. */
  *bytes(tensor: PlannedTensor, type: TensorTypeName): Generator<Uint8Array> {
    const numElements = tensor.shape.reduce((product, n) => product * n, 1);
    const random = new RandomSource(this.#seed, tensor.name);
    if (numElements > MAX_DRAWN_ELEMENTS) {
      yield* gatherRows(this.#pool(tensor.draw, type), tensor, type, random);
    } else {
      yield encode(drawNumbers(tensor.draw, numElements, random), tensor.shape[0] ?? 1, type);
    }
  }

  #pool(draw: Draw, type: TensorTypeName): Uint8Array {
    const purpose = `pool ${type} ${JSON.stringify(draw)}`;
    let pool = this.#pools.get(purpose);
    if (pool === undefined) {
      const random = new RandomSource(this.#seed, purpose);
      pool = encode(drawNumbers(draw, POOL_ELEMENTS, random), POOL_ELEMENTS, type);
      this.#pools.set(purpose, pool);
    }
    return pool;
  }
}

/** Rows of which each is a few runs of blocks from random places of the pool. */
function* gatherRows(
  pool: Uint8Array,
  { shape }: PlannedTensor,
  type: TensorTypeName,
  random: RandomSource,
): Generator<Uint8Array> {
  const rowLength = shape[0] ?? 1;
  const { blockSize, blockBytes } = tensorType(type);
  const bytesPerRow = rowBytes(type, rowLength);
  const blocksPerRow = rowLength / blockSize;
  const poolBlocks = POOL_ELEMENTS / blockSize;
  const ends = Array.from({ length: SEGMENTS_PER_ROW }, (_, i) =>
    Math.floor((blocksPerRow * (i + 1)) / SEGMENTS_PER_ROW),
  );
  const rowsPerChunk = Math.max(1, Math.floor(CHUNK_BYTES / bytesPerRow));
  let rowsLeft = tensorBytes(type, shape) / bytesPerRow;
  while (rowsLeft > 0) {
    const numRows = Math.min(rowsPerChunk, rowsLeft);
    const chunk = new Uint8Array(numRows * bytesPerRow);
    for (let row = 0; row < numRows; row++) {
      let block = 0;
      for (const end of ends) {
        const from = random.below(poolBlocks - (end - block)) * blockBytes;
        chunk.set(
          pool.subarray(from, from + (end - block) * blockBytes),
          row * bytesPerRow + block * blockBytes,
        );
        block = end;
      }
    }
    yield chunk;
    rowsLeft -= numRows;
  }
}

function drawNumbers(draw: Draw, numElements: number, random: RandomSource): Float32Array<ArrayBuffer> {
  if (draw.kind === "given") return Float32Array.from(draw.values);
  const numbers = new Float32Array(numElements);
  for (let i = 0; i < numElements; i++) {
    if (draw.kind === "normal") numbers[i] = draw.mean + draw.deviation * random.normal();
    else numbers[i] = (random.below(2) === 0 ? 1 : -1) * draw.magnitude * (1 + 0.1 * random.normal());
  }
  return numbers;
}

/** `numbers`, rows of `rowLength`, as `type` stores them; ggml itself rounds and quantises. */
function encode(numbers: Float32Array<ArrayBuffer>, rowLength: number, type: TensorTypeName): Uint8Array {
  if (type === "F32") return new Uint8Array(numbers.buffer);
  const numRows = numbers.length / rowLength;
  const bytes = new Uint8Array(numRows * rowBytes(type, rowLength));
  if (type === "F16") ggml.ggml_fp32_to_fp16_row(numbers, bytes, numbers.length);
  else ggml.ggml_quantize_chunk(tensorType(type).id, numbers, bytes, 0, numRows, rowLength, null);
  return bytes;
}
