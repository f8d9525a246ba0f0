import {
  MAX_ARRAY_ELEMENTS,
  MAX_DIMS,
  MAX_KEY_BYTES,
  MAX_STRING_BYTES,
  MAX_TENSOR_NAME_BYTES,
} from "./limits.ts";
import {
  type ArrayValue,
  METADATA_TYPES,
  type MetadataTypeName,
  type MetadataValue,
  NUMBER_ARRAYS,
} from "./metadata-value.ts";
import { ALIGNMENT_KEY, DEFAULT_ALIGNMENT, GGUF_MAGIC } from "./reader.ts";
import { type TensorTypeName, tensorBytes, tensorType } from "./tensor-types.ts";

/** A tensor to be written. */
export interface TensorDescription {
  readonly name: string;
  readonly type: TensorTypeName;
  /** 1 to 4 positive dimensions, `ne0` (the row length) first. */
  readonly shape: readonly number[];
}

/** Bytes in front of the tensor data, padded to the alignment, and where each tensor goes. */
export interface EncodedHeader {
  readonly bytes: Uint8Array;
  readonly alignment: number;
  /** From the start of the file, in the order of the tensors. */
  readonly offsetsBytes: readonly number[];
  readonly totalBytes: number;
}

const WRITTEN_VERSION = 3;

/**
 * The header of a GGUF file (version 3, little endian): the same input gives the same bytes.
 *
 * @throws RangeError or TypeError for names, shapes, values or an alignment that a reader would refuse.
 */
export function encodeHeader(
  metadata: ReadonlyMap<string, MetadataValue>,
  tensors: readonly TensorDescription[],
): EncodedHeader {
  const alignment = metadataAlignment(metadata);
  const out = new ByteWriter();
  out.raw(Buffer.from(GGUF_MAGIC, "latin1"));
  out.uint32(WRITTEN_VERSION);
  out.uint64(tensors.length);
  out.uint64(metadata.size);
  for (const [key, value] of metadata) {
    if (key === "") throw new RangeError("a metadata key is empty");
    out.text(key, MAX_KEY_BYTES, "a metadata key");
    writeValue(out, key, value);
  }
  checkNames(tensors);
  const offsetsBytes: number[] = [];
  let dataBytes = 0;
  for (const { name, type, shape } of tensors) {
    out.text(name, MAX_TENSOR_NAME_BYTES, "a tensor's name");
    writeShape(out, name, shape);
    out.uint32(tensorType(type).id);
    out.uint64(dataBytes);
    offsetsBytes.push(dataBytes);
    dataBytes = padded(dataBytes + tensorBytes(type, shape), alignment);
  }
  if (tensors.length > 0) out.raw(Buffer.alloc(padded(out.length, alignment) - out.length));
  const bytes = out.bytes();
  return {
    bytes,
    alignment,
    offsetsBytes: offsetsBytes.map((offset) => bytes.length + offset),
    totalBytes: bytes.length + dataBytes,
  };
}

/** `value` rounded up to a multiple of `alignment`. */
export function padded(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

function metadataAlignment(metadata: ReadonlyMap<string, MetadataValue>): number {
  const entry = metadata.get(ALIGNMENT_KEY);
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  if (entry.type !== "uint32" || !Number.isInteger(Math.log2(entry.value))) {
    throw new RangeError(`${ALIGNMENT_KEY} must be a uint32 and a power of two`);
  }
  return entry.value;
}

function checkNames(tensors: readonly TensorDescription[]): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (name === "" || names.has(name))
      throw new RangeError(`the tensor name ${JSON.stringify(name)} is empty or there twice`);
    names.add(name);
  }
}

function writeShape(out: ByteWriter, name: string, shape: readonly number[]): void {
  const valid =
    shape.length >= 1 && shape.length <= MAX_DIMS && shape.every((n) => Number.isSafeInteger(n) && n > 0);
  if (!valid)
    throw new RangeError(
      `tensor ${name}: [${shape.join(", ")}] is no shape of 1 to ${MAX_DIMS} positive dimensions`,
    );
  out.uint32(shape.length);
  for (const n of shape) out.uint64(n);
}

function writeValue(out: ByteWriter, key: string, entry: MetadataValue): void {
  out.uint32(typeId(entry.type));
  switch (entry.type) {
    case "array":
      writeArray(out, key, entry);
      break;
    case "string":
      out.text(entry.value, MAX_STRING_BYTES, `the value of ${key}`);
      break;
    case "bool":
      out.raw(Uint8Array.of(entry.value ? 1 : 0));
      break;
    case "uint64":
    case "int64":
      out.raw(bytesOf(NUMBER_ARRAYS[entry.type].of(entry.value)));
      break;
    default:
      out.raw(bytesOf(NUMBER_ARRAYS[entry.type].of(entry.value)));
  }
}

function writeArray(out: ByteWriter, key: string, entry: ArrayValue): void {
  const { value, elementType } = entry;
  if (value.length > MAX_ARRAY_ELEMENTS)
    throw new RangeError(`${key} has ${value.length} elements; at most ${MAX_ARRAY_ELEMENTS}`);
  out.uint32(typeId(elementType));
  out.uint64(value.length);
  if (entry.elementType === "string") {
    for (const text of entry.value) out.text(text, MAX_STRING_BYTES, `an element of ${key}`);
  } else if (entry.elementType === "bool") {
    out.raw(Uint8Array.from(entry.value, Number));
  } else {
    if (!(entry.value instanceof NUMBER_ARRAYS[entry.elementType])) {
      throw new TypeError(`${key} is declared as an array of ${elementType} but held by another typed array`);
    }
    out.raw(bytesOf(entry.value));
  }
}

function typeId(type: MetadataTypeName): number {
  return METADATA_TYPES.indexOf(type);
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A buffer that doubles as it fills. */
class ByteWriter {
  #buffer = Buffer.alloc(2 ** 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  uint64(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64LE(BigInt(value), this.#length);
  }

  text(text: string, maxBytes: number, what: string): void {
    const numBytes = Buffer.byteLength(text);
    if (numBytes > maxBytes) throw new RangeError(`${what} has ${numBytes} bytes; at most ${maxBytes}`);
    // UTF-8 has no form for half of a surrogate pair: it would be read back as another character.
    if (/\p{Surrogate}/u.test(text)) throw new RangeError(`${what} holds half of a surrogate pair`);
    this.uint64(numBytes);
    this.#reserve(numBytes);
    this.#length += this.#buffer.write(text, this.#length);
  }

  #reserve(numBytes: number): void {
    if (this.#length + numBytes <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(2 * this.#buffer.length, this.#length + numBytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
