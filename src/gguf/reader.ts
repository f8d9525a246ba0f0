import { type FileHandle, open, stat } from "node:fs/promises";
import { HeaderBytes } from "./header-bytes.ts";
import { MAX_ALIGNMENT, MAX_METADATA_PAIRS, MAX_TENSORS } from "./limits.ts";
import { Metadata } from "./metadata.ts";
import type { MetadataValue } from "./metadata-value.ts";
import { modelError, quoteName } from "./model-error.ts";
import { MIN_PAIR_BYTES, readMetadata } from "./read-metadata.ts";
import { MIN_TENSOR_INFO_BYTES, placeTensors, readTensorInfos, type TensorInfo } from "./tensor-info.ts";

/** What a model file says about itself; the tensors' data stay on disk. */
export interface GgufFile {
  readonly path: string;
  readonly version: number;
  /** Tensor data start at multiples of this many bytes. */
  readonly alignment: number;
  readonly sizeBytes: number;
  /** Where the data section starts, from the start of the file. */
  readonly dataOffset: number;
  readonly metadata: Metadata;
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

export const GGUF_MAGIC = "GGUF";
export const ALIGNMENT_KEY = "general.alignment";
export const DEFAULT_ALIGNMENT = 32;
const SUPPORTED_VERSIONS: readonly number[] = [2, 3];
const FIXED_HEADER_BYTES = 24;

/**
 * Reads and validates the header of the GGUF file at `path` (version 2 or 3, little endian): everything it
 * says is checked against the file's size and the limits of limits.ts before it is used.
 *
 * @throws RondoError `MODEL_NOT_FOUND`, `MODEL_NOT_GGUF`, `MODEL_TRUNCATED`, `MODEL_CORRUPT`, or
 * `MODEL_UNSUPPORTED` for a version, byte order or tensor type that Rondo does not know.
 */
export async function readGguf(path: string): Promise<GgufFile> {
  const handle = await openModelFile(path);
  try {
    const { size } = await handle.stat();
    return await readHeader(new HeaderBytes(handle, path, size));
  } finally {
    await handle.close();
  }
}

/** Opens for reading. @throws RondoError `MODEL_NOT_FOUND` where there is no file or it cannot be opened. */
export async function openModelFile(path: string): Promise<FileHandle> {
  try {
    // Asked before opening: to open a named pipe would wait for someone to write to it.
    if ((await stat(path)).isFile()) return await open(path, "r");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === "ENOENT" ? "there is no such file; check the path" : `it cannot be opened: ${message}`;
    throw modelError("MODEL_NOT_FOUND", path, why, cause);
  }
  throw modelError("MODEL_NOT_FOUND", path, "this is not a file; name a .gguf file");
}

async function readHeader(header: HeaderBytes): Promise<GgufFile> {
  const version = await readVersion(header);
  await header.need(FIXED_HEADER_BYTES - header.position, "the counts of tensors and metadata");
  const numTensors = header.count();
  const numPairs = header.count();
  checkCount(header, numPairs, MAX_METADATA_PAIRS, MIN_PAIR_BYTES, "metadata pairs");
  checkCount(header, numTensors, MAX_TENSORS, MIN_TENSOR_INFO_BYTES, "tensors");

  const entries = await readMetadata(header, numPairs);
  const alignment = readAlignment(header, entries.get(ALIGNMENT_KEY));
  const infos = await readTensorInfos(header, numTensors);
  // A file without tensors ends where its metadata do, without padding.
  const dataOffset = numTensors === 0 ? header.position : Math.ceil(header.position / alignment) * alignment;
  const tensors = placeTensors(header, infos, dataOffset, alignment);

  return {
    path: header.path,
    version,
    alignment,
    sizeBytes: header.sizeBytes,
    dataOffset,
    metadata: new Metadata(header.path, entries),
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
  };
}

async function readVersion(header: HeaderBytes): Promise<number> {
  const start = Math.min(header.sizeBytes, GGUF_MAGIC.length);
  await header.need(start, "the magic");
  const magic = header.take(start).toString("latin1");
  if (magic === "" || !GGUF_MAGIC.startsWith(magic)) {
    throw header.error(
      "MODEL_NOT_GGUF",
      `the file ${magic === "" ? "is empty" : `starts with ${quoteName(magic)}`}, a GGUF file starts with ` +
        `"${GGUF_MAGIC}"; name a .gguf file, or convert the model to one`,
    );
  }
  header.checkRemaining(FIXED_HEADER_BYTES - start, "its first bytes");
  await header.need(4, "the version");
  const version = header.uint32();
  if (SUPPORTED_VERSIONS.includes(version)) return version;
  const why =
    version % 2 ** 16 === 0 && version !== 0
      ? "the file is big endian; convert the model again on a little-endian machine"
      : `the file has GGUF version ${version}, supported are ${SUPPORTED_VERSIONS.join(" and ")}; convert the model again`;
  throw header.error("MODEL_UNSUPPORTED", why);
}

function checkCount(
  header: HeaderBytes,
  count: number,
  max: number,
  minBytesEach: number,
  what: string,
): void {
  if (count > max) {
    throw header.error("MODEL_CORRUPT", `the file claims ${count} ${what}; at most ${max} are read`);
  }
  header.checkRemaining(count * minBytesEach, `its ${count} ${what}`);
}

function readAlignment(header: HeaderBytes, entry: MetadataValue | undefined): number {
  if (entry === undefined) return DEFAULT_ALIGNMENT;
  const { type, value } = entry;
  const isPowerOfTwo = typeof value === "number" && value > 0 && Number.isInteger(Math.log2(value));
  if (type !== "uint32" || !isPowerOfTwo || value > MAX_ALIGNMENT) {
    const found = typeof value === "number" ? `${type} ${value}` : type;
    throw header.error(
      "MODEL_CORRUPT",
      `${ALIGNMENT_KEY} must be a uint32, a power of two and at most ${MAX_ALIGNMENT}, but is ${found}`,
    );
  }
  return value;
}
