import type { FileHandle } from "node:fs/promises";
import { modelError, quoteName } from "./model-error.ts";
import { type GgufFile, openModelFile } from "./reader.ts";
import type { TensorInfo } from "./tensor-info.ts";

/** One read asks for at most this: below the 2 GiB some systems stop at, and often enough for progress. */
const MAX_READ_BYTES: number = 2 ** 24;

export interface TensorReadOptions {
  /** First byte of the tensor's data to read; 0 unless given. */
  readonly startBytes?: number;
  /** Called after each read with the bytes read so far by this call. */
  readonly onProgress?: (readBytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Reads the data of a model file's tensors. Its owner closes it. */
export class TensorReader implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  /** @throws RondoError `MODEL_NOT_FOUND` where the file is gone, `MODEL_CORRUPT` where its size has changed. */
  static async open(file: GgufFile): Promise<TensorReader> {
    const handle = await openModelFile(file.path);
    const { size } = await handle.stat();
    if (size !== file.sizeBytes) {
      await handle.close();
      const why = `it had ${file.sizeBytes} bytes when its header was read and has ${size} now; load it again`;
      throw modelError("MODEL_CORRUPT", file.path, why);
    }
    return new TensorReader(handle, file.path);
  }

  /**
   * Fills `target` with the bytes of `tensor` from `startBytes` on. `target` may lie in native memory.
   *
   * @throws RangeError where that reaches past the tensor, RondoError `MODEL_TRUNCATED` where the file became
   * shorter than its header said, the signal's reason where it is aborted.
   */
  async readInto(tensor: TensorInfo, target: Uint8Array, options: TensorReadOptions = {}): Promise<void> {
    const { startBytes = 0, onProgress, signal } = options;
    if (
      !Number.isSafeInteger(startBytes) ||
      startBytes < 0 ||
      startBytes + target.length > tensor.sizeBytes
    ) {
      throw new RangeError(
        `bytes ${startBytes} to ${startBytes + target.length} are outside ${tensor.name}, which has ${tensor.sizeBytes}`,
      );
    }
    let done = 0;
    while (done < target.length) {
      signal?.throwIfAborted();
      const length = Math.min(MAX_READ_BYTES, target.length - done);
      const position = tensor.offsetBytes + startBytes + done;
      const { bytesRead } = await this.#handle.read(target, done, length, position);
      if (bytesRead === 0) {
        const why = `the file ends within tensor ${quoteName(tensor.name)}: it was changed while it was read`;
        throw modelError("MODEL_TRUNCATED", this.#path, `${why}; load it again`);
      }
      done += bytesRead;
      onProgress?.(done);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
