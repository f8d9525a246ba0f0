import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ggml, ggmlRegistry } from "../src/ffi/ggml/symbols.ts";
import { UNBOUND } from "../src/ffi/ggml/unbound.ts";
import { nativeLibraries } from "../src/ffi/library.ts";
import { exportedFunctions } from "./support/elf.ts";

const unbound = Object.values(UNBOUND).flat();

describe("the list of ggml functions that are not bound", () => {
  test("names each function once", () => {
    expect(unbound.filter((name, i) => unbound.indexOf(name) !== i)).toEqual([]);
  });

  test("gives each reason as a sentence with at least one function", () => {
    for (const [reason, names] of Object.entries(UNBOUND)) {
      expect(reason.length).toBeGreaterThan(20);
      expect(names.length).toBeGreaterThan(0);
    }
  });

  test("holds nothing that is bound", () => {
    const bound = new Set([...Object.keys(ggml), ...Object.keys(ggmlRegistry)]);
    expect(unbound.filter((name) => bound.has(name))).toEqual([]);
  });
});

// The C names are the same on every platform; the table of symbols is read in the format of Linux.
describe.skipIf(process.platform !== "linux")("the exports of the shared libraries", () => {
  let exported: { readonly base: ReadonlySet<string>; readonly registry: ReadonlySet<string> };

  beforeAll(() => {
    const { directory } = nativeLibraries();
    const find = (pattern: RegExp): ReadonlySet<string> => {
      const file = readdirSync(directory).find((name) => pattern.test(name));
      const names = exportedFunctions(join(directory, file ?? ""));
      return new Set(names.filter((name) => !name.startsWith("_Z")));
    };
    exported = { base: find(/^libggml-base.*\.so$/), registry: find(/^libggml(\.v[\d.]+)?\.so$/) };
  });

  test("are all accounted for: bound, or listed with a reason", () => {
    const known = new Set([...Object.keys(ggml), ...Object.keys(ggmlRegistry), ...unbound]);
    const all = [...exported.base, ...exported.registry];
    expect(all.length).toBeGreaterThan(600);
    expect(all.filter((name) => !known.has(name))).toEqual([]);
  });

  test("hold every function that is listed as not bound", () => {
    expect(unbound.filter((name) => !exported.base.has(name) && !exported.registry.has(name))).toEqual([]);
  });

  test("hold every function that is bound, in the library it is looked up in", () => {
    expect(Object.keys(ggml).filter((name) => !exported.base.has(name))).toEqual([]);
    expect(Object.keys(ggmlRegistry).filter((name) => !exported.registry.has(name))).toEqual([]);
  });
});
