/** A value of a model file's metadata together with the type it is stored as. */
export type MetadataValue = ScalarValue | ArrayValue;

type ScalarValue =
  | { readonly type: SmallNumberType; readonly value: number }
  | { readonly type: BigNumberType; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string };

export type ArrayValue =
  | { readonly type: "array"; readonly elementType: NumberType; readonly value: NumberArray | BigNumberArray }
  | { readonly type: "array"; readonly elementType: "bool"; readonly value: readonly boolean[] }
  | { readonly type: "array"; readonly elementType: "string"; readonly value: readonly string[] };

type SmallNumberType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64";
type BigNumberType = "uint64" | "int64";
export type NumberType = SmallNumberType | BigNumberType;
export type MetadataTypeName = NumberType | "bool" | "string" | "array";

export type NumberArray =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;
type BigNumberArray = BigUint64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;

/** Names in the order of the numbers that files write, `enum gguf_type`. */
export const METADATA_TYPES: readonly MetadataTypeName[] = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
];

/** What holds the elements of a numeric array; its element width is that of the file. */
export const NUMBER_ARRAYS: {
  readonly uint8: Uint8ArrayConstructor;
  readonly int8: Int8ArrayConstructor;
  readonly uint16: Uint16ArrayConstructor;
  readonly int16: Int16ArrayConstructor;
  readonly uint32: Uint32ArrayConstructor;
  readonly int32: Int32ArrayConstructor;
  readonly float32: Float32ArrayConstructor;
  readonly float64: Float64ArrayConstructor;
  readonly uint64: BigUint64ArrayConstructor;
  readonly int64: BigInt64ArrayConstructor;
} = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
};
