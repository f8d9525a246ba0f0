import koffi from "koffi";
import { RondoError } from "../core/errors.ts";
import { type Library, NATIVE_VERSION } from "./library.ts";

/** The C prototype of each function of a symbol list, under the function's C name. */
export type Prototypes<Symbols> = { readonly [Name in keyof Symbols]: string };

/** Binds a library's functions by name; each is looked up when it is first used. */
export function bindLibrary<Symbols extends object>(
  library: () => Library,
  prototypes: Prototypes<Symbols>,
): Symbols {
  return bindLazily(prototypes, (_name, prototype) => library().func(prototype));
}

/** Binds functions whose addresses `resolve` knows, as a backend registry hands them out. */
export function bindAddress<Symbols extends object>(
  resolve: (name: string) => bigint | null,
  prototypes: Prototypes<Symbols>,
): Symbols {
  return bindLazily(prototypes, (name, prototype) => {
    const address = resolve(name);
    if (address === null)
      throw new RondoError("BACKEND_VERSION", `binding ${name}: the CPU backend does not offer it`);
    return koffi.decode(address, koffi.proto(prototype));
  });
}

function bindLazily<Symbols extends object>(
  prototypes: Prototypes<Symbols>,
  bind: (name: string, prototype: string) => unknown,
): Symbols {
  const symbols = {};
  for (const [name, prototype] of Object.entries<string>(prototypes)) {
    Object.defineProperty(symbols, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        const value = bindOne(name, prototype, bind);
        Object.defineProperty(symbols, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return symbols as Symbols;
}

function bindOne(
  name: string,
  prototype: string,
  bind: (name: string, prototype: string) => unknown,
): unknown {
  try {
    return bind(name, prototype);
  } catch (cause) {
    if (cause instanceof RondoError) throw cause;
    throw new RondoError(
      "BACKEND_VERSION",
      `binding ${name}: the native library does not have it; this build needs release ${NATIVE_VERSION}`,
      { cause },
    );
  }
}

/**
 * Calls a bound function on a worker thread, so that the event loop stays free.
 * Everything passed must outlive the call.
 */
export function callAsync<Arguments extends readonly unknown[], Result>(
  fn: (...args: Arguments) => Result,
  ...args: Arguments
): Promise<Result> {
  const call = (fn as unknown as { readonly async: (...args: readonly unknown[]) => void }).async;
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null, result: Result): void => {
      if (error === null) resolve(result);
      else reject(error);
    };
    call(...args, settle);
  });
}
