import type { HeaderBytes } from "./header-bytes.ts";
import { MAX_ARRAY_ELEMENTS, MAX_KEY_BYTES, MAX_STRING_BYTES } from "./limits.ts";
import {
  type ArrayValue,
  METADATA_TYPES,
  type MetadataTypeName,
  type MetadataValue,
  NUMBER_ARRAYS,
  type NumberType,
} from "./metadata-value.ts";
import { quoteName } from "./model-error.ts";

/** The fewest bytes a key-value pair takes: key length, type, one byte of value. */
export const MIN_PAIR_BYTES: number = 8 + 4 + 1;
const STRING_LENGTH_BYTES = 8;

/** Reads `numPairs` key-value pairs at the cursor. @throws RondoError for anything malformed. */
export async function readMetadata(
  header: HeaderBytes,
  numPairs: number,
): Promise<ReadonlyMap<string, MetadataValue>> {
  const entries = new Map<string, MetadataValue>();
  for (let i = 0; i < numPairs; i++) {
    const key = await readString(header, MAX_KEY_BYTES, `key ${i} of the metadata`);
    if (key === "") throw header.error("MODEL_CORRUPT", `key ${i} of the metadata is empty`);
    if (entries.has(key)) throw header.error("MODEL_CORRUPT", `the key ${quoteName(key)} is there twice`);
    entries.set(key, await readValue(header, `the value of ${quoteName(key)}`));
  }
  return entries;
}

/** Reads a string with its length. @throws RondoError where it is cut off, too long or not UTF-8. */
export async function readString(header: HeaderBytes, maxBytes: number, what: string): Promise<string> {
  await header.need(STRING_LENGTH_BYTES, what);
  const numBytes = header.count();
  checkStringLength(header, numBytes, maxBytes, what);
  await header.need(numBytes, what);
  return header.text(numBytes, what);
}

async function readValue(header: HeaderBytes, what: string): Promise<MetadataValue> {
  const type = await readType(header, what);
  if (type === "array") return readArray(header, what);
  if (type === "string") return { type, value: await readString(header, MAX_STRING_BYTES, what) };
  if (type === "bool") {
    await header.need(1, what);
    return { type, value: readBools(header, 1, what)[0] === true };
  }
  const value = (await readNumbers(header, type, 1, what))[0];
  return { type, value } as MetadataValue;
}

async function readType(header: HeaderBytes, what: string): Promise<MetadataTypeName> {
  await header.need(4, what);
  const id = header.uint32();
  const type = METADATA_TYPES[id];
  if (type === undefined) {
    throw header.error(
      "MODEL_CORRUPT",
      `${what} has type ${id}; the format defines 0 to ${METADATA_TYPES.length - 1}`,
    );
  }
  return type;
}

async function readArray(header: HeaderBytes, what: string): Promise<ArrayValue> {
  const elementType = await readType(header, what);
  await header.need(8, what);
  const length = header.count();
  if (length > MAX_ARRAY_ELEMENTS) {
    throw header.error(
      "MODEL_CORRUPT",
      `${what} claims ${length} elements; at most ${MAX_ARRAY_ELEMENTS} are read`,
    );
  }
  if (elementType === "array") {
    throw header.error(
      "MODEL_UNSUPPORTED",
      `${what} is an array of arrays, which neither Rondo nor ggml reads`,
    );
  }
  if (elementType === "string") {
    return { type: "array", elementType, value: await readStrings(header, length, what) };
  }
  if (elementType === "bool") {
    await header.need(length, what);
    return { type: "array", elementType, value: readBools(header, length, what) };
  }
  return { type: "array", elementType, value: await readNumbers(header, elementType, length, what) };
}

async function readStrings(header: HeaderBytes, length: number, what: string): Promise<readonly string[]> {
  header.checkRemaining(length * STRING_LENGTH_BYTES, what);
  const strings: string[] = [];
  for (let i = 0; i < length; i++) {
    if (!header.has(STRING_LENGTH_BYTES)) await header.need(STRING_LENGTH_BYTES, what);
    const numBytes = header.count();
    checkStringLength(header, numBytes, MAX_STRING_BYTES, what);
    if (!header.has(numBytes)) await header.need(numBytes, what);
    strings.push(header.text(numBytes, what));
  }
  return strings;
}

function readBools(header: HeaderBytes, length: number, what: string): readonly boolean[] {
  return Array.from(header.take(length), (byte) => {
    if (byte > 1) throw header.error("MODEL_CORRUPT", `${what} holds ${byte} where a boolean is 0 or 1`);
    return byte === 1;
  });
}

async function readNumbers<T extends NumberType>(
  header: HeaderBytes,
  type: T,
  length: number,
  what: string,
): Promise<InstanceType<(typeof NUMBER_ARRAYS)[T]>> {
  const numberArray = NUMBER_ARRAYS[type];
  const elementBytes = numberArray.BYTES_PER_ELEMENT;
  await header.need(length * elementBytes, what);
  // A copy, because the header's buffer is neither aligned nor kept. All supported platforms are little endian.
  const copy = Buffer.from(new ArrayBuffer(length * elementBytes));
  header.take(length * elementBytes).copy(copy);
  return new numberArray(copy.buffer) as InstanceType<(typeof NUMBER_ARRAYS)[T]>;
}

function checkStringLength(header: HeaderBytes, numBytes: number, maxBytes: number, what: string): void {
  if (numBytes > maxBytes) {
    throw header.error(
      "MODEL_CORRUPT",
      `${what} claims ${numBytes} bytes of text; at most ${maxBytes} are read`,
    );
  }
}
