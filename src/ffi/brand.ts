declare const brand: unique symbol;

/** An address in native memory that the type system keeps apart from every other kind of address. */
export type Handle<Name extends string> = bigint & { readonly [brand]: Name };

/** A C function pointer, to be passed to C code only. */
export type FunctionPointer = Handle<"function">;

/** Whether a native call answered with a null pointer (koffi gives `null` for one). */
export function isNull(handle: bigint | null): handle is null {
  return handle === null || handle === 0n;
}
