import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi from "koffi";
import { RondoError } from "../core/errors.ts";
import type { FunctionPointer } from "./brand.ts";

/** The release of the platform packages whose C interface the symbol lists in this folder describe. */
export const NATIVE_VERSION = "3.22.1";

/** Platform packages that carry ggml and libllama, by `process.platform`-`process.arch`. */
const PLATFORM_PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-arm64": "mac-arm64-metal",
  "darwin-x64": "mac-x64",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

/** The libraries of a platform package, in the order in which they depend on one another. */
export type LibraryName = "ggml-base" | "ggml" | "llama";

/** What an open shared library offers to the symbol lists. */
export type Library = ReturnType<typeof koffi.load>;

export interface NativeLibraries {
  /** Directory that holds the shared libraries and the CPU variants ggml chooses from. */
  readonly directory: string;
  readonly ggmlBase: Library;
  readonly ggml: Library;
  readonly llama: Library;
}

let loaded: NativeLibraries | undefined;

/**
 * Opens ggml and libllama, once a process; ggml itself picks the CPU variant that fits this machine.
 *
 * @throws RondoError `BACKEND_MISSING` where there is no package for the platform, `BACKEND_VERSION` where
 * the package is of another release than the binding was written for.
 */
export function nativeLibraries(): NativeLibraries {
  if (loaded !== undefined) return loaded;
  // An abort inside ggml otherwise attaches a debugger to this process to print a stack.
  process.env["GGML_NO_BACKTRACE"] ??= "1";
  const directory = findDirectory();
  const ggmlBase = open(directory, "ggml-base");
  const ggml = open(directory, "ggml");
  const llama = open(directory, "llama");
  loaded = { directory, ggmlBase, ggml, llama };
  return loaded;
}

function findDirectory(): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = PLATFORM_PACKAGES[platform];
  if (name === undefined) {
    throw new RondoError(
      "BACKEND_MISSING",
      `loading ggml: there is no build for ${platform}; supported are ${Object.keys(PLATFORM_PACKAGES).join(", ")}`,
    );
  }
  const packageName = `@node-llama-cpp/${name}`;
  const manifest = readManifest(packageName);
  if (manifest.version !== NATIVE_VERSION) {
    throw new RondoError(
      "BACKEND_VERSION",
      `loading ggml: ${packageName} is ${manifest.version}, the binding was written for ${NATIVE_VERSION}; ` +
        `install ${packageName}@${NATIVE_VERSION}`,
    );
  }
  return join(dirname(manifest.path), "bins", name);
}

/** The package's `exports` hide its manifest, so the module folders are searched for it. */
function readManifest(packageName: string): { path: string; version: string } {
  const folders = createRequire(import.meta.url).resolve.paths(packageName) ?? [];
  const path = folders
    .map((folder) => join(folder, packageName, "package.json"))
    .find((file) => existsSync(file));
  if (path === undefined) {
    throw new RondoError(
      "BACKEND_MISSING",
      `loading ggml: the optional dependency ${packageName} is not installed; ` +
        "run npm install again without --omit=optional",
    );
  }
  return { path, version: JSON.parse(readFileSync(path, "utf8")).version };
}

function open(directory: string, name: LibraryName): Library {
  const path = libraryPath(directory, name);
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new RondoError("BACKEND_MISSING", `loading ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** `ggml` and `llama` carry the release in their file name, `ggml-base` does not. */
function libraryPath(directory: string, name: LibraryName): string {
  const suffix = { darwin: ".dylib", win32: ".dll" }[process.platform as string] ?? ".so";
  const prefix = process.platform === "win32" ? "" : "lib";
  const release = ".v0.5.0";
  const candidates = [`${prefix}${name}${release}${suffix}`, `${prefix}${name}${suffix}`];
  const found = candidates.map((file) => join(directory, file)).find((file) => existsSync(file));
  if (found === undefined) {
    throw new RondoError(
      "BACKEND_MISSING",
      `loading ${name}: neither ${candidates.join(" nor ")} is in ${directory}; reinstall the package`,
    );
  }
  return found;
}

/** A native function without arguments or effects: as a callback, whatever it is passed, it does nothing. */
export function harmlessFunction(): FunctionPointer {
  return nativeLibraries().llama.symbol("llama_supports_mmap", "void *") as unknown as FunctionPointer;
}
