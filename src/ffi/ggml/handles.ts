import type { Handle } from "../brand.ts";

/** `ggml_context *`: an arena of tensor and graph headers (never of tensor data here). */
export type Context = Handle<"ggml_context">;
/** `ggml_tensor *` */
export type Tensor = Handle<"ggml_tensor">;
/** `ggml_cgraph *` */
export type Graph = Handle<"ggml_cgraph">;
/** `ggml_backend_t` */
export type Backend = Handle<"ggml_backend">;
/** `ggml_backend_dev_t` */
export type Device = Handle<"ggml_backend_device">;
/** `ggml_backend_reg_t` */
export type Registry = Handle<"ggml_backend_reg">;
/** `ggml_backend_buffer_t` */
export type NativeBuffer = Handle<"ggml_backend_buffer">;
/** `ggml_backend_buffer_type_t` */
export type BufferType = Handle<"ggml_backend_buffer_type">;
/** `ggml_gallocr_t`: assigns addresses in one buffer to the tensors of a graph. */
export type Allocator = Handle<"ggml_gallocr">;
/** `ggml_threadpool_t` */
export type Threadpool = Handle<"ggml_threadpool">;
