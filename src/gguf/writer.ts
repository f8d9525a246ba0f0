import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { RondoError } from "../core/errors.ts";
import { encodeHeader, padded, type TensorDescription } from "./encode-header.ts";
import type { MetadataValue } from "./metadata-value.ts";
import { tensorBytes } from "./tensor-types.ts";

/** A tensor to be written and what yields its bytes, in pieces of any size, when their turn comes. */
export interface TensorSource extends TensorDescription {
  data(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export interface WriteOptions {
  /** Called after each piece. */
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Writes a GGUF file: to a temporary name beside `path`, flushed to disk, then renamed, so that `path` never
 * holds half a file. Equal input gives equal bytes.
 *
 * @throws RangeError or TypeError for content that a reader would refuse or data of another length than their
 * tensor's, RondoError `DIRECTORY_NOT_WRITABLE` where the file cannot be written, the signal's reason where it
 * is aborted. The temporary file is removed.
 */
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, MetadataValue>,
  tensors: readonly TensorSource[],
  options: WriteOptions = {},
): Promise<void> {
  const header = encodeHeader(metadata, tensors);
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx");
    try {
      const output = new Output(handle, header.totalBytes, options);
      await output.write(header.bytes);
      for (const tensor of tensors) await writeTensor(output, tensor, header.alignment);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw isSystemError(error) ? notWritable(path, error) : error;
  }
}

async function writeTensor(output: Output, tensor: TensorSource, alignment: number): Promise<void> {
  const expected = tensorBytes(tensor.type, tensor.shape);
  let written = 0;
  for await (const piece of tensor.data()) {
    written += piece.length;
    if (written > expected) break;
    await output.write(piece);
  }
  if (written !== expected) {
    throw new RangeError(
      `tensor ${tensor.name}: its source yielded ${written} bytes or more where ${expected} belong`,
    );
  }
  await output.write(Buffer.alloc(padded(expected, alignment) - expected));
}

class Output {
  readonly #handle: FileHandle;
  readonly #totalBytes: number;
  readonly #options: WriteOptions;
  #writtenBytes = 0;

  constructor(handle: FileHandle, totalBytes: number, options: WriteOptions) {
    this.#handle = handle;
    this.#totalBytes = totalBytes;
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#options.signal?.throwIfAborted();
    let done = 0;
    while (done < bytes.length) {
      done += (await this.#handle.write(bytes, done)).bytesWritten;
    }
    this.#writtenBytes += bytes.length;
    this.#options.onProgress?.(this.#writtenBytes, this.#totalBytes);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

function notWritable(path: string, cause: NodeJS.ErrnoException): RondoError {
  return new RondoError(
    "DIRECTORY_NOT_WRITABLE",
    `writing ${path}: ${cause.message}; choose a directory that exists, can be written and has room`,
    { cause },
  );
}
