export type TensorTypeName =
  | "F32"
  | "F16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q8_1"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K"
  | "Q8_K"
  | "IQ2_XXS"
  | "IQ2_XS"
  | "IQ3_XXS"
  | "IQ1_S"
  | "IQ4_NL"
  | "IQ3_S"
  | "IQ2_S"
  | "IQ4_XS"
  | "I8"
  | "I16"
  | "I32"
  | "I64"
  | "F64"
  | "IQ1_M"
  | "BF16"
  | "TQ1_0"
  | "TQ2_0"
  | "MXFP4"
  | "NVFP4"
  | "Q1_0"
  | "Q2_0";

/** What ggml calls the types of a tensor's elements, as GGUF files number them. */
export interface TensorType {
  /** Number in the file, `enum ggml_type`. */
  readonly id: number;
  readonly name: TensorTypeName;
  /** Elements that are stored together; a row holds a whole number of blocks. */
  readonly blockSize: number;
  readonly blockBytes: number;
}

/** `[id, blockSize, blockBytes]` of every type that ggml stores in files. */
const TABLE: Readonly<Record<TensorTypeName, readonly [number, number, number]>> = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q4_1: [3, 32, 20],
  Q5_0: [6, 32, 22],
  Q5_1: [7, 32, 24],
  Q8_0: [8, 32, 34],
  Q8_1: [9, 32, 36],
  Q2_K: [10, 256, 84],
  Q3_K: [11, 256, 110],
  Q4_K: [12, 256, 144],
  Q5_K: [13, 256, 176],
  Q6_K: [14, 256, 210],
  Q8_K: [15, 256, 292],
  IQ2_XXS: [16, 256, 66],
  IQ2_XS: [17, 256, 74],
  IQ3_XXS: [18, 256, 98],
  IQ1_S: [19, 256, 50],
  IQ4_NL: [20, 32, 18],
  IQ3_S: [21, 256, 110],
  IQ2_S: [22, 256, 82],
  IQ4_XS: [23, 256, 136],
  I8: [24, 1, 1],
  I16: [25, 1, 2],
  I32: [26, 1, 4],
  I64: [27, 1, 8],
  F64: [28, 1, 8],
  IQ1_M: [29, 256, 56],
  BF16: [30, 1, 2],
  TQ1_0: [34, 256, 54],
  TQ2_0: [35, 256, 66],
  MXFP4: [39, 32, 17],
  NVFP4: [40, 64, 36],
  Q1_0: [41, 128, 18],
  Q2_0: [42, 64, 18],
};

const byName = new Map<string, TensorType>();
const byId = new Map<number, TensorType>();
for (const [name, [id, blockSize, blockBytes]] of Object.entries(TABLE)) {
  const type: TensorType = { id, name: name as TensorTypeName, blockSize, blockBytes };
  byName.set(name, type);
  byId.set(id, type);
}

/** Names of all known types, in the order of their ids. */
export const TENSOR_TYPE_NAMES: readonly TensorTypeName[] = Object.keys(TABLE) as TensorTypeName[];

/** @throws RangeError for a name that is not in {@link TENSOR_TYPE_NAMES}. */
export function tensorType(name: TensorTypeName): TensorType {
  const type = byName.get(name);
  if (type === undefined) {
    throw new RangeError(`tensor type "${name}" is unknown; known are ${TENSOR_TYPE_NAMES.join(", ")}`);
  }
  return type;
}

/** The type that files write as `id`; undefined for one that ggml never had or has removed. */
export function tensorTypeById(id: number): TensorType | undefined {
  return byId.get(id);
}

/** Whether `text` names a tensor type. */
export function isTensorTypeName(text: string): text is TensorTypeName {
  return byName.has(text);
}

/**
 * Bytes of one row of `numElements`.
 *
 * @throws RangeError where a row is not a whole number of blocks.
 */
export function rowBytes(name: TensorTypeName, numElements: number): number {
  const { blockSize, blockBytes } = tensorType(name);
  if (!Number.isSafeInteger(numElements) || numElements < 0 || numElements % blockSize !== 0) {
    throw new RangeError(
      `a row of ${numElements} elements is not a whole number of ${name} blocks of ${blockSize}`,
    );
  }
  return (numElements / blockSize) * blockBytes;
}

/**
 * Bytes of a tensor whose shape starts with `ne0`, the length of a row.
 *
 * @throws RangeError where a row is not a whole number of blocks.
 */
export function tensorBytes(name: TensorTypeName, shape: readonly number[]): number {
  const numRows = shape.slice(1).reduce((product, n) => product * n, 1);
  return rowBytes(name, shape[0] ?? 1) * numRows;
}
