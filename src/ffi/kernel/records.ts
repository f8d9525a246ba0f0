/** A struct of native/rondo_attention.h: where its fields lie. */
export interface RecordLayout<Field extends string> {
  readonly name: string;
  readonly bytes: number;
  readonly offsets: Readonly<Record<Field, number>>;
  readonly types: Readonly<Record<Field, FieldType>>;
}

/** `address` takes a native address, `i64` and `i32` integers, `f32` a number. */
type FieldType = "address" | "i64" | "i32" | "f32";

const FIELD_BYTES: Readonly<Record<FieldType, number>> = { address: 8, i64: 8, i32: 4, f32: 4 };

/** Fields in the order of the struct, none of which needs padding. */
function record<Field extends string>(
  name: string,
  fields: Readonly<Record<Field, FieldType>>,
): RecordLayout<Field> {
  const offsets: Partial<Record<Field, number>> = {};
  let bytes = 0;
  for (const [field, type] of Object.entries(fields) as [Field, FieldType][]) {
    offsets[field] = bytes;
    bytes += FIELD_BYTES[type];
  }
  return { name, bytes, offsets: offsets as Record<Field, number>, types: fields };
}

const segmentFields = {
  keys: "address",
  values: "address",
  keyHeadStride: "i64",
  valueHeadStride: "i64",
  layerStride: "i64",
  position: "i64",
  length: "i32",
  causal: "i32",
  queryVariant: "i32",
  reserved: "i32",
} as const;

/** `struct rondo_segment` */
export const SEGMENT: RecordLayout<keyof typeof segmentFields> = record("rondo_segment", segmentFields);

const entryFields = {
  position: "i64",
  firstRow: "i32",
  numRows: "i32",
  firstSegment: "i32",
  numSegments: "i32",
  firstScoring: "i32",
  numScoring: "i32",
  reserved0: "i64",
  reserved1: "i64",
} as const;

/** `struct rondo_entry` */
export const ENTRY: RecordLayout<keyof typeof entryFields> = record("rondo_entry", entryFields);

const writeFields = {
  keys: "address",
  values: "address",
  keyHeadStride: "i64",
  valueHeadStride: "i64",
  layerStride: "i64",
  firstRow: "i32",
  numRows: "i32",
  firstSlot: "i32",
  reserved0: "i32",
  reserved1: "i64",
} as const;

/** `struct rondo_write` */
export const WRITE: RecordLayout<keyof typeof writeFields> = record("rondo_write", writeFields);

const attentionFields = {
  abiVersion: "i32",
  structBytes: "i32",
  getData: "address",
  query: "address",
  key: "address",
  value: "address",
  sinks: "address",
  partial: "address",
  queryHeadStride: "i64",
  queryRowStride: "i64",
  queryVariantStride: "i64",
  keyHeadStride: "i64",
  keyRowStride: "i64",
  valueHeadStride: "i64",
  valueRowStride: "i64",
  entries: "address",
  segments: "address",
  writes: "address",
  numEntries: "i32",
  numSegments: "i32",
  numWrites: "i32",
  numHeads: "i32",
  numKvHeads: "i32",
  headDim: "i32",
  valueDim: "i32",
  numRows: "i32",
  layer: "i32",
  kvType: "i32",
  mass: "i32",
  window: "i32",
  isa: "i32",
  scale: "f32",
  softcap: "f32",
  numThreads: "i32",
  status: "i32",
  nextUnit: "i32",
  partialFloats: "i64",
  outputFloats: "i64",
} as const;

/** `struct rondo_attention` */
export const ATTENTION: RecordLayout<keyof typeof attentionFields> = record(
  "rondo_attention",
  attentionFields,
);

const sizesFields = { partialFloats: "i64", outputFloats: "i64", massOffset: "i64" } as const;

/** `struct rondo_sizes` */
export const SIZES: RecordLayout<keyof typeof sizesFields> = record("rondo_sizes", sizesFields);

/** The values of some fields; an address may be left null. */
export type RecordValues<Field extends string> = { readonly [F in Field]?: number | bigint | null };

/** Writes fields of the record that starts at `offset`; the others keep what they have. */
export function writeRecord<Field extends string>(
  layout: RecordLayout<Field>,
  view: DataView,
  offset: number,
  values: RecordValues<Field>,
): void {
  for (const field of Object.keys(values) as Field[]) {
    const at = offset + layout.offsets[field];
    const value = values[field] ?? 0;
    switch (layout.types[field]) {
      case "i32":
        view.setInt32(at, Number(value), true);
        break;
      case "f32":
        view.setFloat32(at, Number(value), true);
        break;
      default:
        view.setBigInt64(at, BigInt(value), true);
    }
  }
}
