import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import type { RondoError, RondoErrorCode } from "../core/errors.ts";
import { MAX_HEADER_BYTES } from "./limits.ts";
import { modelError } from "./model-error.ts";

const FIRST_READ_BYTES = 2 ** 20;
const REPLACEMENT_CHARACTER = "\ufffd";

/**
 * The beginning of a model file, read as far as it is asked for, with a cursor.
 *
 * `need` checks that bytes exist and loads them; the readers after it trust that. What is held is bounded by
 * the file's size and by `maxBytes`.
 *
 *     0            position        loaded            sizeBytes
 *     |  parsed    |  in memory    |  on disk        |
 */
export class HeaderBytes {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #maxBytes: number;
  #bytes: Buffer<ArrayBuffer>;
  #loaded = 0;
  #position = 0;

  constructor(handle: FileHandle, path: string, sizeBytes: number, maxBytes: number = MAX_HEADER_BYTES) {
    this.#handle = handle;
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#maxBytes = maxBytes;
    this.#bytes = Buffer.alloc(Math.min(FIRST_READ_BYTES, sizeBytes, maxBytes));
  }

  get position(): number {
    return this.#position;
  }

  get remainingBytes(): number {
    return this.sizeBytes - this.#position;
  }

  /**
   * Whether `numBytes` from the cursor on are in memory already. Asked before {@link need} where strings are
   * read by the hundred thousand: an await for each would cost more than the reading.
   */
  has(numBytes: number): boolean {
    return this.#position + numBytes <= this.#loaded;
  }

  /**
   * Makes `numBytes` from the cursor on readable; `what` names them in errors.
   *
   * @throws RondoError `MODEL_TRUNCATED` where the file ends before, `MODEL_CORRUPT` past the header limit.
   */
  async need(numBytes: number, what: string): Promise<void> {
    const end = this.#position + numBytes;
    if (end <= this.#loaded) return;
    this.checkRemaining(numBytes, what);
    if (end > this.#maxBytes) {
      throw this.error("MODEL_CORRUPT", `the header up to ${what} exceeds ${this.#maxBytes} bytes`);
    }
    if (end > this.#bytes.length) this.#grow(end);
    while (this.#loaded < end) {
      const room = this.#bytes.length - this.#loaded;
      const { bytesRead } = await this.#handle.read(this.#bytes, this.#loaded, room, this.#loaded);
      if (bytesRead === 0) throw this.#truncated(what);
      this.#loaded += bytesRead;
    }
  }

  /** @throws RondoError `MODEL_TRUNCATED` where the file holds fewer than `numBytes` after the cursor. */
  checkRemaining(numBytes: number, what: string): void {
    if (numBytes > this.remainingBytes) throw this.#truncated(what);
  }

  uint32(): number {
    const value = this.#bytes.readUInt32LE(this.#position);
    this.#position += 4;
    return value;
  }

  /** An unsigned 64-bit count; above 2^53 it is rounded, which every limit refuses anyway. */
  count(): number {
    const value =
      this.#bytes.readUInt32LE(this.#position) + this.#bytes.readUInt32LE(this.#position + 4) * 2 ** 32;
    this.#position += 8;
    return value;
  }

  /** A view of the next bytes, valid until the next `need`. */
  take(numBytes: number): Buffer<ArrayBuffer> {
    const bytes = this.#bytes.subarray(this.#position, this.#position + numBytes);
    this.#position += numBytes;
    return bytes;
  }

  /**
   * The next bytes as text; `what` names them in errors.
   *
   * @throws RondoError `MODEL_CORRUPT` where they are not UTF-8.
   */
  text(numBytes: number, what: string): string {
    const start = this.#position;
    const end = start + numBytes;
    this.#position = end;
    const bytes = this.#bytes;
    let i = start;
    while (i < end && (bytes[i] as number) < 0x80) i++;
    if (i === end) return bytes.toString("latin1", start, end);
    const text = bytes.toString("utf8", start, end);
    if (text.includes(REPLACEMENT_CHARACTER) && !isUtf8(bytes.subarray(start, end))) {
      throw this.error("MODEL_CORRUPT", `${what} is not valid UTF-8`);
    }
    return text;
  }

  error(code: RondoErrorCode, why: string): RondoError {
    return modelError(code, this.path, why);
  }

  #grow(end: number): void {
    const larger = Buffer.alloc(
      Math.min(this.sizeBytes, this.#maxBytes, Math.max(end, 2 * this.#bytes.length)),
    );
    this.#bytes.copy(larger, 0, 0, this.#loaded);
    this.#bytes = larger;
  }

  #truncated(what: string): RondoError {
    return this.error(
      "MODEL_TRUNCATED",
      `the file ends within ${what} (it has ${this.sizeBytes} bytes); download or copy it again`,
    );
  }
}
