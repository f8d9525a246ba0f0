import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { RondoError } from "../../core/errors.ts";
import type { FunctionPointer } from "../brand.ts";
import { type Library, nativeLibraries } from "../library.ts";
import { ATTENTION, ENTRY, SEGMENT, SIZES, WRITE } from "./records.ts";

/** `RONDO_ABI_VERSION` of native/rondo_attention.h that the records of this folder are written for. */
export const KERNEL_ABI_VERSION = 1;
/** `RONDO_LAYOUT_VERSION`: what {@link kvLayout} describes. */
export const KV_LAYOUT_VERSION = 1;

/** `enum rondo_status`, by number. */
export const STATUS_NAMES = [
  "ok",
  "foreign ABI",
  "no such build",
  "wrong shape",
  "tensor too small",
] as const;

/** Functions of the attention kernel's library, called while a graph is built. */
export interface KernelSymbols {
  readonly rondo_abi_version: () => number;
  readonly rondo_layout_version: () => number;
  readonly rondo_struct_bytes: (which: number) => number;
  readonly rondo_best_isa: () => number;
  readonly rondo_has_isa: (isa: number) => number;
  readonly rondo_key_block_bytes: (kvType: number, headDim: number) => number;
  readonly rondo_value_block_bytes: (kvType: number, valueDim: number) => number;
  readonly rondo_attention_sizes: (attention: Buffer, sizes: NodeJS.ArrayBufferView) => number;
}

const PROTOTYPES: { readonly [Name in keyof KernelSymbols]: string } = {
  rondo_abi_version: "int32_t rondo_abi_version()",
  rondo_layout_version: "int32_t rondo_layout_version()",
  rondo_struct_bytes: "int32_t rondo_struct_bytes(int32_t which)",
  rondo_best_isa: "int32_t rondo_best_isa()",
  rondo_has_isa: "int32_t rondo_has_isa(int32_t isa)",
  rondo_key_block_bytes: "int64_t rondo_key_block_bytes(int32_t kv_type, int32_t head_dim)",
  rondo_value_block_bytes: "int64_t rondo_value_block_bytes(int32_t kv_type, int32_t value_dim)",
  rondo_attention_sizes: "int32_t rondo_attention_sizes(const void *attention, void *sizes)",
};

/** Binds every function at once: a library that lacks one is not ours. */
function bindKernel(library: Library): KernelSymbols {
  const bound = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]);
  return Object.fromEntries(bound) as KernelSymbols;
}

/** The builds of the kernel, by instruction set; `best` asks the processor. */
export type KernelBuild = "best" | "portable" | "avx2" | "avx512" | "neon";

/** `enum rondo_isa` */
export const BUILD_NUMBER: Readonly<Record<KernelBuild, number>> = {
  best: 0,
  portable: 1,
  avx2: 2,
  avx512: 3,
  neon: 4,
};

/** The attention kernel's library, open and checked. */
export interface Kernel {
  readonly path: string;
  readonly symbols: KernelSymbols;
  /** The build that `best` means on this machine. */
  readonly build: KernelBuild;
  /** The ops, in the order in which each is a source of the next. */
  readonly write: FunctionPointer;
  readonly partial: FunctionPointer;
  readonly reduce: FunctionPointer;
  /** Reads memory as fast as the machine can, over a `struct rondo_read`. */
  readonly readBytes: FunctionPointer;
  /** `bool (*)(void *)`: ggml's abort callback over an int32 flag. */
  readonly shouldAbort: FunctionPointer;
  /** `ggml_get_data`, by which the ops reach their tensors. */
  readonly getData: FunctionPointer;
}

const NATIVE = join(dirname(fileURLToPath(import.meta.url)), "../../../native");

let loaded: Kernel | undefined;

/**
 * Opens the attention kernel, once a process: what a clone has built, else what the package carries for this
 * platform. Undefined where there is neither.
 *
 * @throws RondoError `BACKEND_VERSION` for a library of another version; build it again.
 */
export function attentionKernel(): Kernel | undefined {
  if (loaded !== undefined) return loaded;
  const path = kernelPaths().find((file) => existsSync(file));
  if (path === undefined) return undefined;
  loaded = openKernel(path);
  return loaded;
}

/** Where a kernel for this platform would be, in the order of preference. */
export function kernelPaths(): readonly string[] {
  const suffix = { darwin: ".dylib", win32: ".dll" }[process.platform as string] ?? ".so";
  const file = `librondo-attention${suffix}`;
  return [join(NATIVE, "build", file), join(NATIVE, "prebuilt", `${process.platform}-${process.arch}`, file)];
}

/** Opens the library at `path` and checks that it is what this folder describes. */
export function openKernel(path: string): Kernel {
  const { library, symbols } = bindLibraryAt(path);
  const wrong = [
    ["ABI", symbols.rondo_abi_version(), KERNEL_ABI_VERSION],
    ["layout", symbols.rondo_layout_version(), KV_LAYOUT_VERSION],
    ...[ATTENTION, ENTRY, SEGMENT, WRITE, SIZES].map(({ name, bytes }, which) => [
      name,
      symbols.rondo_struct_bytes(which),
      bytes,
    ]),
  ].filter(([, found, wanted]) => found !== wanted);
  if (wrong.length > 0) {
    const list = wrong.map(([name, found, wanted]) => `${name} is ${found}, not ${wanted}`).join("; ");
    throw new RondoError("BACKEND_VERSION", `loading ${path}: ${list}; run node native/build.mjs again`);
  }
  const address = (name: string): FunctionPointer =>
    library.symbol(name, "void *") as unknown as FunctionPointer;
  const best = symbols.rondo_best_isa();
  const build = (Object.keys(BUILD_NUMBER) as KernelBuild[]).find((name) => BUILD_NUMBER[name] === best);
  return {
    path,
    symbols,
    build: build ?? "portable",
    write: address("rondo_attention_write"),
    partial: address("rondo_attention_partial"),
    reduce: address("rondo_attention_reduce"),
    readBytes: address("rondo_read_bytes"),
    shouldAbort: address("rondo_should_abort"),
    getData: nativeLibraries().ggmlBase.symbol("ggml_get_data", "void *") as unknown as FunctionPointer,
  };
}

function bindLibraryAt(path: string): { library: Library; symbols: KernelSymbols } {
  try {
    const library = koffi.load(path);
    return { library, symbols: bindKernel(library) };
  } catch (cause) {
    throw new RondoError(
      "BACKEND_VERSION",
      `loading ${path}: ${(cause as Error).message}; run node native/build.mjs again`,
      { cause },
    );
  }
}
