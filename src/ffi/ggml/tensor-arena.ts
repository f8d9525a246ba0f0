import koffi from "koffi";
import { RondoError } from "../../core/errors.ts";
import { callAsync } from "../bind.ts";
import { isNull } from "../brand.ts";
import { preferHugePages } from "../huge-pages.ts";
import { track } from "../live.ts";
import type { BufferType, Context, NativeBuffer, Tensor } from "./handles.ts";
import { takeNativeError } from "./log.ts";
import { ggml } from "./symbols.ts";

/** Sizes of a tensor, `ne0` (contiguous) first, at most four. */
export type Shape = readonly [number, ...number[]];

/**
 * Long-lived tensors (weights, KV) that share one native buffer: declare them, then {@link allocate} once.
 */
export class TensorArena implements Disposable {
  readonly #context: Context;
  readonly #tensors: Tensor[] = [];
  #buffer: NativeBuffer | undefined;
  #bytes = 0;
  #disposed = false;

  /** @param maxTensors how many tensors will be declared at most. */
  constructor(maxTensors: number) {
    this.#context = newContext(ggml.ggml_tensor_overhead() * Math.max(1, maxTensors));
  }

  /** Bytes of the native buffer, its padding included; 0 before {@link allocate}. */
  get bytes(): number {
    return this.#bytes;
  }

  declare(type: number, shape: Shape): Tensor {
    this.#checkUsable();
    const tensor = newTensor(this.#context, type, shape);
    this.#tensors.push(tensor);
    return tensor;
  }

  /** @throws RondoError `OUT_OF_MEMORY` when the system has not that much. */
  allocate(type: BufferType): void {
    this.#checkUsable();
    if (this.#tensors.length === 0) return;
    const buffer = ggml.ggml_backend_alloc_ctx_tensors_from_buft(this.#context, type);
    if (isNull(buffer)) {
      throw new RondoError(
        "OUT_OF_MEMORY",
        `allocating ${this.#tensors.length} tensors: ${takeNativeError()}`,
      );
    }
    this.#buffer = buffer;
    this.#bytes = ggml.ggml_backend_buffer_get_size(buffer);
    preferHugePages(ggml.ggml_backend_buffer_get_base(buffer), this.#bytes);
    track("buffers", 1);
    track("bufferBytes", this.#bytes);
  }

  /** Tells ggml that the buffer holds weights, which it may treat as constant. */
  markAsWeights(): void {
    const usageWeights = 1;
    if (this.#buffer !== undefined) ggml.ggml_backend_buffer_set_usage(this.#buffer, usageWeights);
  }

  clear(): void {
    if (this.#buffer !== undefined) ggml.ggml_backend_buffer_clear(this.#buffer, 0);
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#buffer !== undefined) {
      ggml.ggml_backend_buffer_free(this.#buffer);
      track("buffers", -1);
      track("bufferBytes", -this.#bytes);
    }
    freeContext(this.#context);
  }

  #checkUsable(): void {
    if (this.#disposed) throw new RondoError("DISPOSED", "declaring tensors: their memory was freed");
  }
}

/** A ggml context that holds headers only; its tensors' data lives in buffers. */
export function newContext(bytes: number): Context {
  const context = ggml.ggml_init({ mem_size: bytes, mem_buffer: null, no_alloc: true });
  if (isNull(context)) throw new RondoError("OUT_OF_MEMORY", `allocating ${bytes} bytes of tensor headers`);
  track("contexts", 1);
  return context;
}

export function freeContext(context: Context): void {
  ggml.ggml_free(context);
  track("contexts", -1);
}

export function newTensor(context: Context, type: number, shape: Shape): Tensor {
  const [ne0, ne1, ne2, ne3] = shape;
  if (ne3 !== undefined) return ggml.ggml_new_tensor_4d(context, type, ne0, ne1 ?? 1, ne2 ?? 1, ne3);
  if (ne2 !== undefined) return ggml.ggml_new_tensor_3d(context, type, ne0, ne1 ?? 1, ne2);
  if (ne1 !== undefined) return ggml.ggml_new_tensor_2d(context, type, ne0, ne1);
  return ggml.ggml_new_tensor_1d(context, type, ne0);
}

/**
 * The bytes of a tensor in plain memory, as a window on them (no copy). The window is dead once the
 * tensor's arena is disposed.
 */
export function tensorBytes(tensor: Tensor): Uint8Array {
  return new Uint8Array(koffi.view(tensorAddress(tensor), ggml.ggml_nbytes(tensor)));
}

/** Where a tensor's data lie. */
export function tensorAddress(tensor: Tensor): bigint {
  const address = ggml.ggml_get_data(tensor);
  if (isNull(address)) throw new RondoError("BACKEND_FAILED", "reading a tensor: it has no memory yet");
  return address;
}

/** Writes `data` to the start of a tensor. */
export function setTensor(tensor: Tensor, data: NodeJS.ArrayBufferView): void {
  ggml.ggml_backend_tensor_set(tensor, data, 0, data.byteLength);
}

/** As {@link setTensor}, on a worker thread: repacking weights takes a while. */
export async function setTensorAsync(tensor: Tensor, data: NodeJS.ArrayBufferView): Promise<void> {
  await callAsync(ggml.ggml_backend_tensor_set, tensor, data, 0, data.byteLength);
}

/** Reads the first bytes of a tensor into `target`, as many as it holds. */
export function getTensor(tensor: Tensor, target: NodeJS.ArrayBufferView, offsetBytes = 0): void {
  ggml.ggml_backend_tensor_get(tensor, target, offsetBytes, target.byteLength);
}
