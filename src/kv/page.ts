import { RondoError } from "../core/errors.ts";
import type { BufferType } from "../ffi/ggml/handles.ts";
import { TensorArena, tensorAddress } from "../ffi/ggml/tensor-arena.ts";
import { I8 } from "../ffi/ggml/tensor-type.ts";
import type { KvLayout } from "../ffi/kernel/layout.ts";
import type { KvMemory } from "../ffi/kernel/segment-table.ts";

/** Room for the keys and values of a run of tokens in all layers; never moved while it lives. */
export class Page implements Disposable {
  readonly memory: KvMemory;
  readonly #arena = new TensorArena(1);

  /** @throws RondoError `OUT_OF_MEMORY`. */
  constructor(layout: KvLayout, numLayers: number, bufferType: BufferType) {
    const bytes = layout.layerBytes * numLayers;
    try {
      const tensor = this.#arena.declare(I8, [bytes]);
      this.#arena.allocate(bufferType);
      this.#arena.clear();
      this.memory = { address: tensorAddress(tensor), bytes, numLayers, layout };
    } catch (cause) {
      this.#arena[Symbol.dispose]();
      throw new RondoError(
        "OUT_OF_MEMORY",
        `growing a KV cache by ${bytes} bytes: they are not to be had; close other chats`,
        { cause },
      );
    }
  }

  /** Bytes that are allocated, alignment included. */
  get bytes(): number {
    return this.#arena.bytes;
  }

  [Symbol.dispose](): void {
    this.#arena[Symbol.dispose]();
  }
}
