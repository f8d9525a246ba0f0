import koffi from "koffi";
import { bindAddress, bindLibrary, type Prototypes } from "../bind.ts";
import type { FunctionPointer } from "../brand.ts";
import { nativeLibraries } from "../library.ts";
import type {
  Allocator,
  Backend,
  BufferType,
  Context,
  Device,
  Graph,
  NativeBuffer,
  Registry,
  Tensor,
  Threadpool,
} from "./handles.ts";

koffi.struct("ggml_init_params", { mem_size: "size_t", mem_buffer: "void *", no_alloc: "bool" });

/** `struct ggml_threadpool_params`, GGML_MAX_N_THREADS being 512. */
koffi.struct("ggml_threadpool_params", {
  cpumask: koffi.array("bool", 512),
  n_threads: "int",
  prio: "int",
  poll: "uint32_t",
  strict_cpu: "bool",
  paused: "bool",
});

interface InitParams {
  readonly mem_size: number;
  readonly mem_buffer: null;
  readonly no_alloc: boolean;
}

type Unary = (ctx: Context, a: Tensor) => Tensor;
type Binary = (ctx: Context, a: Tensor, b: Tensor) => Tensor;
type Bytes = NodeJS.ArrayBufferView;

/** Functions of libggml-base: contexts, tensors, operations, graphs, buffers, quantisation. */
export interface GgmlBase {
  readonly ggml_version: () => string;
  readonly ggml_commit: () => string;
  readonly ggml_log_set: (callback: FunctionPointer | bigint | null, userData: null) => void;
  readonly ggml_status_to_string: (status: number) => string;
  readonly ggml_init: (params: InitParams) => Context | null;
  readonly ggml_free: (ctx: Context) => void;
  readonly ggml_reset: (ctx: Context) => void;
  readonly ggml_used_mem: (ctx: Context) => number;
  readonly ggml_tensor_overhead: () => number;
  readonly ggml_graph_overhead_custom: (size: number, grads: boolean) => number;
  readonly ggml_blck_size: (type: number) => number;
  readonly ggml_type_size: (type: number) => number;
  readonly ggml_row_size: (type: number, ne: number) => number;
  readonly ggml_type_name: (type: number) => string | null;
  readonly ggml_nbytes: (tensor: Tensor) => number;
  readonly ggml_nelements: (tensor: Tensor) => number;
  readonly ggml_new_tensor_1d: (ctx: Context, type: number, ne0: number) => Tensor;
  readonly ggml_new_tensor_2d: (ctx: Context, type: number, ne0: number, ne1: number) => Tensor;
  readonly ggml_new_tensor_3d: (ctx: Context, type: number, ne0: number, ne1: number, ne2: number) => Tensor;
  readonly ggml_new_tensor_4d: (
    ctx: Context,
    type: number,
    ne0: number,
    ne1: number,
    ne2: number,
    ne3: number,
  ) => Tensor;
  readonly ggml_set_name: (tensor: Tensor, name: string) => Tensor;
  readonly ggml_get_name: (tensor: Tensor) => string;
  readonly ggml_get_data: (tensor: Tensor) => bigint | null;
  readonly ggml_set_input: (tensor: Tensor) => void;
  readonly ggml_set_output: (tensor: Tensor) => void;
  readonly ggml_add: Binary;
  readonly ggml_mul: Binary;
  readonly ggml_mul_mat: Binary;
  readonly ggml_mul_mat_set_prec: (tensor: Tensor, precision: number) => void;
  readonly ggml_scale: (ctx: Context, a: Tensor, factor: number) => Tensor;
  readonly ggml_rms_norm: (ctx: Context, a: Tensor, epsilon: number) => Tensor;
  readonly ggml_silu: Unary;
  readonly ggml_swiglu: Unary;
  readonly ggml_swiglu_split: Binary;
  readonly ggml_soft_max_ext: (
    ctx: Context,
    a: Tensor,
    mask: Tensor | null,
    scale: number,
    maxBias: number,
  ) => Tensor;
  readonly ggml_rope_ext: (
    ctx: Context,
    a: Tensor,
    positions: Tensor,
    factors: Tensor | null,
    numDims: number,
    mode: number,
    originalContext: number,
    freqBase: number,
    freqScale: number,
    extFactor: number,
    attnFactor: number,
    betaFast: number,
    betaSlow: number,
  ) => Tensor;
  readonly ggml_flash_attn_ext: (
    ctx: Context,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | null,
    scale: number,
    maxBias: number,
    logitSoftcap: number,
  ) => Tensor;
  readonly ggml_flash_attn_ext_set_prec: (a: Tensor, precision: number) => void;
  readonly ggml_custom_4d: (
    ctx: Context,
    type: number,
    ne0: number,
    ne1: number,
    ne2: number,
    ne3: number,
    args: readonly Tensor[],
    numArgs: number,
    fun: FunctionPointer,
    numTasks: number,
    userData: bigint | null,
  ) => Tensor;
  readonly ggml_get_rows: Binary;
  readonly ggml_set_rows: (ctx: Context, a: Tensor, b: Tensor, rows: Tensor) => Tensor;
  readonly ggml_cast: (ctx: Context, a: Tensor, type: number) => Tensor;
  readonly ggml_cpy: Binary;
  readonly ggml_cont: Unary;
  readonly ggml_reshape_2d: (ctx: Context, a: Tensor, ne0: number, ne1: number) => Tensor;
  readonly ggml_reshape_3d: (ctx: Context, a: Tensor, ne0: number, ne1: number, ne2: number) => Tensor;
  readonly ggml_view_1d: (ctx: Context, a: Tensor, ne0: number, offset: number) => Tensor;
  readonly ggml_view_2d: (
    ctx: Context,
    a: Tensor,
    ne0: number,
    ne1: number,
    nb1: number,
    offset: number,
  ) => Tensor;
  readonly ggml_view_3d: (
    ctx: Context,
    a: Tensor,
    ne0: number,
    ne1: number,
    ne2: number,
    nb1: number,
    nb2: number,
    offset: number,
  ) => Tensor;
  readonly ggml_permute: (
    ctx: Context,
    a: Tensor,
    axis0: number,
    axis1: number,
    axis2: number,
    axis3: number,
  ) => Tensor;
  readonly ggml_new_graph_custom: (ctx: Context, size: number, grads: boolean) => Graph;
  readonly ggml_build_forward_expand: (graph: Graph, tensor: Tensor) => void;
  readonly ggml_graph_n_nodes: (graph: Graph) => number;
  readonly ggml_gallocr_new: (type: BufferType) => Allocator | null;
  readonly ggml_gallocr_free: (allocator: Allocator) => void;
  readonly ggml_gallocr_alloc_graph: (allocator: Allocator, graph: Graph) => boolean;
  readonly ggml_gallocr_get_buffer_size: (allocator: Allocator, buffer: number) => number;
  readonly ggml_backend_free: (backend: Backend) => void;
  readonly ggml_backend_dev_init: (device: Device, params: null) => Backend | null;
  readonly ggml_backend_dev_name: (device: Device) => string;
  readonly ggml_backend_dev_description: (device: Device) => string;
  readonly ggml_backend_dev_supports_op: (device: Device, op: Tensor) => boolean;
  readonly ggml_backend_dev_buffer_type: (device: Device) => BufferType;
  readonly ggml_backend_dev_backend_reg: (device: Device) => Registry;
  readonly ggml_backend_reg_get_proc_address: (registry: Registry, name: string) => FunctionPointer | null;
  readonly ggml_backend_graph_compute: (backend: Backend, graph: Graph) => number;
  readonly ggml_backend_buft_name: (type: BufferType) => string;
  readonly ggml_backend_buft_alloc_buffer: (type: BufferType, bytes: number) => NativeBuffer | null;
  readonly ggml_backend_buft_get_alignment: (type: BufferType) => number;
  readonly ggml_backend_buft_get_alloc_size: (type: BufferType, tensor: Tensor) => number;
  readonly ggml_backend_alloc_ctx_tensors_from_buft: (ctx: Context, type: BufferType) => NativeBuffer | null;
  readonly ggml_backend_buffer_free: (buffer: NativeBuffer) => void;
  readonly ggml_backend_buffer_get_base: (buffer: NativeBuffer) => bigint;
  readonly ggml_backend_buffer_get_size: (buffer: NativeBuffer) => number;
  readonly ggml_backend_buffer_clear: (buffer: NativeBuffer, value: number) => void;
  readonly ggml_backend_buffer_set_usage: (buffer: NativeBuffer, usage: number) => void;
  readonly ggml_backend_tensor_set: (tensor: Tensor, data: Bytes, offset: number, bytes: number) => void;
  readonly ggml_backend_tensor_get: (tensor: Tensor, data: Bytes, offset: number, bytes: number) => void;
  readonly ggml_quantize_chunk: (
    type: number,
    source: Float32Array,
    target: Bytes,
    start: number,
    numRows: number,
    numPerRow: number,
    importance: null,
  ) => number;
  readonly ggml_fp32_to_fp16_row: (source: Float32Array, target: Bytes, count: number) => void;
  readonly ggml_fp16_to_fp32_row: (source: Bytes, target: Float32Array, count: number) => void;
  readonly ggml_fp32_to_bf16_row: (source: Float32Array, target: Bytes, count: number) => void;
  readonly ggml_threadpool_params_init: (params: object, numThreads: number) => void;
}

const basePrototypes: Prototypes<GgmlBase> = {
  ggml_version: "const char *ggml_version(void)",
  ggml_commit: "const char *ggml_commit(void)",
  ggml_log_set: "void ggml_log_set(void *log_callback, void *user_data)",
  ggml_status_to_string: "const char *ggml_status_to_string(int status)",
  ggml_init: "void *ggml_init(ggml_init_params params)",
  ggml_free: "void ggml_free(void *ctx)",
  ggml_reset: "void ggml_reset(void *ctx)",
  ggml_used_mem: "size_t ggml_used_mem(const void *ctx)",
  ggml_tensor_overhead: "size_t ggml_tensor_overhead(void)",
  ggml_graph_overhead_custom: "size_t ggml_graph_overhead_custom(size_t size, bool grads)",
  ggml_blck_size: "int64_t ggml_blck_size(int type)",
  ggml_type_size: "size_t ggml_type_size(int type)",
  ggml_row_size: "size_t ggml_row_size(int type, int64_t ne)",
  ggml_type_name: "const char *ggml_type_name(int type)",
  ggml_nbytes: "size_t ggml_nbytes(const void *tensor)",
  ggml_nelements: "int64_t ggml_nelements(const void *tensor)",
  ggml_new_tensor_1d: "void *ggml_new_tensor_1d(void *ctx, int type, int64_t ne0)",
  ggml_new_tensor_2d: "void *ggml_new_tensor_2d(void *ctx, int type, int64_t ne0, int64_t ne1)",
  ggml_new_tensor_3d: "void *ggml_new_tensor_3d(void *ctx, int type, int64_t ne0, int64_t ne1, int64_t ne2)",
  ggml_new_tensor_4d:
    "void *ggml_new_tensor_4d(void *ctx, int type, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3)",
  ggml_set_name: "void *ggml_set_name(void *tensor, const char *name)",
  ggml_get_name: "const char *ggml_get_name(const void *tensor)",
  ggml_get_data: "void *ggml_get_data(const void *tensor)",
  ggml_set_input: "void ggml_set_input(void *tensor)",
  ggml_set_output: "void ggml_set_output(void *tensor)",
  ggml_add: "void *ggml_add(void *ctx, void *a, void *b)",
  ggml_mul: "void *ggml_mul(void *ctx, void *a, void *b)",
  ggml_mul_mat: "void *ggml_mul_mat(void *ctx, void *a, void *b)",
  ggml_mul_mat_set_prec: "void ggml_mul_mat_set_prec(void *a, int prec)",
  ggml_scale: "void *ggml_scale(void *ctx, void *a, float s)",
  ggml_rms_norm: "void *ggml_rms_norm(void *ctx, void *a, float eps)",
  ggml_silu: "void *ggml_silu(void *ctx, void *a)",
  ggml_swiglu: "void *ggml_swiglu(void *ctx, void *a)",
  ggml_swiglu_split: "void *ggml_swiglu_split(void *ctx, void *a, void *b)",
  ggml_soft_max_ext: "void *ggml_soft_max_ext(void *ctx, void *a, void *mask, float scale, float max_bias)",
  ggml_rope_ext:
    "void *ggml_rope_ext(void *ctx, void *a, void *b, void *c, int n_dims, int mode, int n_ctx_orig, " +
    "float freq_base, float freq_scale, float ext_factor, float attn_factor, float beta_fast, float beta_slow)",
  ggml_flash_attn_ext:
    "void *ggml_flash_attn_ext(void *ctx, void *q, void *k, void *v, void *mask, float scale, float max_bias, float logit_softcap)",
  ggml_flash_attn_ext_set_prec: "void ggml_flash_attn_ext_set_prec(void *a, int prec)",
  ggml_custom_4d:
    "void *ggml_custom_4d(void *ctx, int type, int64_t ne0, int64_t ne1, int64_t ne2, int64_t ne3, " +
    "void **args, int n_args, void *fun, int n_tasks, void *userdata)",
  ggml_get_rows: "void *ggml_get_rows(void *ctx, void *a, void *b)",
  ggml_set_rows: "void *ggml_set_rows(void *ctx, void *a, void *b, void *c)",
  ggml_cast: "void *ggml_cast(void *ctx, void *a, int type)",
  ggml_cpy: "void *ggml_cpy(void *ctx, void *a, void *b)",
  ggml_cont: "void *ggml_cont(void *ctx, void *a)",
  ggml_reshape_2d: "void *ggml_reshape_2d(void *ctx, void *a, int64_t ne0, int64_t ne1)",
  ggml_reshape_3d: "void *ggml_reshape_3d(void *ctx, void *a, int64_t ne0, int64_t ne1, int64_t ne2)",
  ggml_view_1d: "void *ggml_view_1d(void *ctx, void *a, int64_t ne0, size_t offset)",
  ggml_view_2d: "void *ggml_view_2d(void *ctx, void *a, int64_t ne0, int64_t ne1, size_t nb1, size_t offset)",
  ggml_view_3d:
    "void *ggml_view_3d(void *ctx, void *a, int64_t ne0, int64_t ne1, int64_t ne2, size_t nb1, size_t nb2, size_t offset)",
  ggml_permute: "void *ggml_permute(void *ctx, void *a, int axis0, int axis1, int axis2, int axis3)",
  ggml_new_graph_custom: "void *ggml_new_graph_custom(void *ctx, size_t size, bool grads)",
  ggml_build_forward_expand: "void ggml_build_forward_expand(void *cgraph, void *tensor)",
  ggml_graph_n_nodes: "int ggml_graph_n_nodes(void *cgraph)",
  ggml_gallocr_new: "void *ggml_gallocr_new(void *buft)",
  ggml_gallocr_free: "void ggml_gallocr_free(void *galloc)",
  ggml_gallocr_alloc_graph: "bool ggml_gallocr_alloc_graph(void *galloc, void *graph)",
  ggml_gallocr_get_buffer_size: "size_t ggml_gallocr_get_buffer_size(void *galloc, int buffer_id)",
  ggml_backend_free: "void ggml_backend_free(void *backend)",
  ggml_backend_dev_init: "void *ggml_backend_dev_init(void *device, const char *params)",
  ggml_backend_dev_name: "const char *ggml_backend_dev_name(void *device)",
  ggml_backend_dev_description: "const char *ggml_backend_dev_description(void *device)",
  ggml_backend_dev_supports_op: "bool ggml_backend_dev_supports_op(void *device, const void *op)",
  ggml_backend_dev_buffer_type: "void *ggml_backend_dev_buffer_type(void *device)",
  ggml_backend_dev_backend_reg: "void *ggml_backend_dev_backend_reg(void *device)",
  ggml_backend_reg_get_proc_address: "void *ggml_backend_reg_get_proc_address(void *reg, const char *name)",
  ggml_backend_graph_compute: "int ggml_backend_graph_compute(void *backend, void *cgraph)",
  ggml_backend_buft_name: "const char *ggml_backend_buft_name(void *buft)",
  ggml_backend_buft_alloc_buffer: "void *ggml_backend_buft_alloc_buffer(void *buft, size_t size)",
  ggml_backend_buft_get_alignment: "size_t ggml_backend_buft_get_alignment(void *buft)",
  ggml_backend_buft_get_alloc_size: "size_t ggml_backend_buft_get_alloc_size(void *buft, const void *tensor)",
  ggml_backend_alloc_ctx_tensors_from_buft:
    "void *ggml_backend_alloc_ctx_tensors_from_buft(void *ctx, void *buft)",
  ggml_backend_buffer_free: "void ggml_backend_buffer_free(void *buffer)",
  ggml_backend_buffer_get_base: "void *ggml_backend_buffer_get_base(void *buffer)",
  ggml_backend_buffer_get_size: "size_t ggml_backend_buffer_get_size(void *buffer)",
  ggml_backend_buffer_clear: "void ggml_backend_buffer_clear(void *buffer, uint8_t value)",
  ggml_backend_buffer_set_usage: "void ggml_backend_buffer_set_usage(void *buffer, int usage)",
  ggml_backend_tensor_set:
    "void ggml_backend_tensor_set(void *tensor, const void *data, size_t offset, size_t size)",
  ggml_backend_tensor_get:
    "void ggml_backend_tensor_get(const void *tensor, _Out_ void *data, size_t offset, size_t size)",
  ggml_quantize_chunk:
    "size_t ggml_quantize_chunk(int type, const float *src, _Out_ void *dst, int64_t start, int64_t nrows, " +
    "int64_t n_per_row, const float *imatrix)",
  ggml_fp32_to_fp16_row: "void ggml_fp32_to_fp16_row(const float *x, _Out_ void *y, int64_t n)",
  ggml_fp16_to_fp32_row: "void ggml_fp16_to_fp32_row(const void *x, _Out_ float *y, int64_t n)",
  ggml_fp32_to_bf16_row: "void ggml_fp32_to_bf16_row(const float *x, _Out_ void *y, int64_t n)",
  ggml_threadpool_params_init:
    "void ggml_threadpool_params_init(_Out_ ggml_threadpool_params *p, int n_threads)",
};

/** Functions of libggml: the registry of backends. */
export interface GgmlRegistry {
  readonly ggml_backend_load_all_from_path: (directory: string) => void;
  readonly ggml_backend_dev_by_name: (name: string) => Device | null;
  readonly ggml_backend_dev_count: () => number;
  readonly ggml_backend_dev_get: (index: number) => Device;
}

const registryPrototypes: Prototypes<GgmlRegistry> = {
  ggml_backend_load_all_from_path: "void ggml_backend_load_all_from_path(const char *dir_path)",
  ggml_backend_dev_by_name: "void *ggml_backend_dev_by_name(const char *name)",
  ggml_backend_dev_count: "size_t ggml_backend_dev_count(void)",
  ggml_backend_dev_get: "void *ggml_backend_dev_get(size_t index)",
};

/** Functions of the CPU backend, which only its registry hands out (`ggml_backend_reg_get_proc_address`). */
export interface GgmlCpu {
  readonly ggml_backend_set_n_threads: (backend: Backend, numThreads: number) => void;
  readonly ggml_backend_dev_get_extra_bufts: (device: Device) => bigint | null;
  readonly ggml_backend_set_abort_callback: (
    backend: Backend,
    callback: FunctionPointer,
    data: Bytes | null,
  ) => void;
  readonly ggml_threadpool_new: (params: object) => Threadpool | null;
  readonly ggml_threadpool_free: (threadpool: Threadpool) => void;
  readonly ggml_backend_cpu_set_threadpool: (backend: Backend, threadpool: Threadpool) => void;
}

const cpuPrototypes: Prototypes<GgmlCpu> = {
  ggml_backend_set_n_threads: "void ggml_backend_set_n_threads(void *backend, int n_threads)",
  ggml_backend_dev_get_extra_bufts: "void *ggml_backend_dev_get_extra_bufts(void *device)",
  ggml_backend_set_abort_callback:
    "void ggml_backend_set_abort_callback(void *backend, void *abort_callback, void *data)",
  ggml_threadpool_new: "void *ggml_threadpool_new(_Inout_ ggml_threadpool_params *params)",
  ggml_threadpool_free: "void ggml_threadpool_free(void *threadpool)",
  ggml_backend_cpu_set_threadpool: "void ggml_backend_cpu_set_threadpool(void *backend, void *threadpool)",
};

/** libggml-base under its C names; each function is resolved when first used. */
export const ggml: GgmlBase = bindLibrary(() => nativeLibraries().ggmlBase, basePrototypes);

/** libggml under its C names. */
export const ggmlRegistry: GgmlRegistry = bindLibrary(() => nativeLibraries().ggml, registryPrototypes);

/** The CPU backend's functions, found through its registry. */
export function bindCpu(registry: Registry): GgmlCpu {
  return bindAddress((name) => ggml.ggml_backend_reg_get_proc_address(registry, name), cpuPrototypes);
}
