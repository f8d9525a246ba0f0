import koffi from "koffi";
import { RondoError } from "../../core/errors.ts";
import { callAsync } from "../bind.ts";
import type { FunctionPointer } from "../brand.ts";
import { nativeLibraries } from "../library.ts";
import { track } from "../live.ts";
import type { Backend, BufferType, Device, Graph, Threadpool } from "./handles.ts";
import { installGgmlLog, takeNativeError } from "./log.ts";
import { bindCpu, type GgmlCpu, ggml, ggmlRegistry } from "./symbols.ts";
import { physicalCores } from "./threads.ts";

const STATUS_SUCCESS = 0;
const STATUS_ABORTED = 1;
const GGML_RELEASE = "0.25.1";

let cpuDevice: Device | undefined;
let cpuFunctions: GgmlCpu | undefined;

/** Loads ggml's backends once a process and answers with the CPU's device. */
export function loadBackends(): Device {
  if (cpuDevice !== undefined) return cpuDevice;
  const { directory } = nativeLibraries();
  const version = ggml.ggml_version();
  if (version !== GGML_RELEASE) {
    throw new RondoError(
      "BACKEND_VERSION",
      `loading ggml: found ${version}, the binding was written for ${GGML_RELEASE}; reinstall Rondo's dependencies`,
    );
  }
  installGgmlLog();
  ggmlRegistry.ggml_backend_load_all_from_path(directory);
  const device = ggmlRegistry.ggml_backend_dev_by_name("CPU");
  if (device === null) {
    throw new RondoError(
      "BACKEND_MISSING",
      `loading ggml: no CPU variant in ${directory} runs on this machine`,
    );
  }
  cpuDevice = device;
  return device;
}

export interface CpuBackendOptions {
  /** Threads that compute a graph; the machine's physical cores by default. */
  readonly threads?: number;
}

/**
 * ggml's CPU backend with threads of its own that stay alive between graphs.
 * One graph computes at a time: callers queue.
 */
export class CpuBackend implements Disposable {
  readonly device: Device;
  readonly threads: number;
  /** Plain row-major memory. */
  readonly bufferType: BufferType;
  /** Memory in which ggml re-orders weights for faster products; absent where the CPU variant has none. */
  readonly repackBufferType: BufferType | undefined;
  readonly #handle: Backend;
  readonly #threadpool: Threadpool;
  readonly #cpu: GgmlCpu;
  /** Text "1" asks a running graph to stop, "0" lets it run; see {@link abortFunction}. */
  readonly #abortFlag = Buffer.from("0\0");
  #computing = false;
  #disposed = false;

  constructor({ threads = physicalCores() }: CpuBackendOptions = {}) {
    if (!Number.isInteger(threads) || threads < 1 || threads > 512) {
      throw new RangeError(`threads: ${threads} is not an integer from 1 to 512`);
    }
    this.device = loadBackends();
    this.threads = threads;
    cpuFunctions ??= bindCpu(ggml.ggml_backend_dev_backend_reg(this.device));
    this.#cpu = cpuFunctions;
    const handle = ggml.ggml_backend_dev_init(this.device, null);
    const threadpool = handle === null ? null : newThreadpool(this.#cpu, threads);
    if (handle === null || threadpool === null) {
      throw new RondoError(
        "BACKEND_FAILED",
        `starting ggml's CPU backend with ${threads} threads: ${takeNativeError()}`,
      );
    }
    this.#handle = handle;
    this.#threadpool = threadpool;
    this.#cpu.ggml_backend_set_n_threads(handle, threads);
    this.#cpu.ggml_backend_cpu_set_threadpool(handle, threadpool);
    this.#cpu.ggml_backend_set_abort_callback(handle, abortFunction(), this.#abortFlag);
    this.bufferType = ggml.ggml_backend_dev_buffer_type(this.device);
    this.repackBufferType = findExtraBufferType(this.#cpu, this.device, "CPU_REPACK");
    track("backends", 1);
  }

  /**
   * Computes `graph` off the event loop.
   *
   * @throws RondoError `ABORTED` once `signal` fires (within one operation of the graph); tensors that the
   * graph had not reached are undefined then.
   */
  async compute(graph: Graph, signal?: AbortSignal): Promise<void> {
    if (this.#disposed) throw new RondoError("DISPOSED", "computing: the backend was closed");
    if (this.#computing) throw new RondoError("BACKEND_FAILED", "computing: another graph is running; queue");
    if (signal?.aborted === true) {
      throw new RondoError("ABORTED", "computing: stopped on request", { cause: signal.reason });
    }
    const onAbort = (): void => {
      this.#abortFlag[0] = 0x31;
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#computing = true;
    try {
      const status = await callAsync(ggml.ggml_backend_graph_compute, this.#handle, graph);
      if (status === STATUS_ABORTED) throw new RondoError("ABORTED", "computing: stopped on request");
      if (status !== STATUS_SUCCESS) {
        const reason = `${ggml.ggml_status_to_string(status)} ${takeNativeError()}`;
        throw new RondoError("BACKEND_FAILED", `computing: ${reason.trim()}`);
      }
    } finally {
      this.#computing = false;
      signal?.removeEventListener("abort", onAbort);
      this.#abortFlag[0] = 0x30;
    }
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    if (this.#computing)
      throw new RondoError("BACKEND_FAILED", "closing the backend: a graph is running; await it first");
    this.#disposed = true;
    ggml.ggml_backend_free(this.#handle);
    this.#cpu.ggml_threadpool_free(this.#threadpool);
    track("backends", -1);
  }
}

function newThreadpool(cpu: GgmlCpu, threads: number): Threadpool | null {
  const params = {};
  ggml.ggml_threadpool_params_init(params, threads);
  return cpu.ggml_threadpool_new(params);
}

/**
 * ggml asks `bool abort(void *data)` between operations. It must be native: a JavaScript callback would wait
 * for the main thread each time. The C library's `atoi` is that function, on a flag that is the text of a
 * number: 0 goes on, 1 stops. It is reached through ggml, which depends on the C library.
 */
function abortFunction(): FunctionPointer {
  return nativeLibraries().ggmlBase.symbol("atoi", "void *") as unknown as FunctionPointer;
}

function findExtraBufferType(cpu: GgmlCpu, device: Device, name: string): BufferType | undefined {
  const list = cpu.ggml_backend_dev_get_extra_bufts(device);
  if (list === null) return undefined;
  for (let offset = 0; ; offset += koffi.sizeof("void *")) {
    const type = koffi.decode(list, offset, "void *") as BufferType | null;
    if (type === null) return undefined;
    if (ggml.ggml_backend_buft_name(type) === name) return type;
  }
}
