import type * as Fs from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NATIVE_VERSION, nativeLibraries } from "./library.ts";

/** What the file system is made to say; undefined where it answers by itself. */
const fake = vi.hoisted((): { manifest: string | undefined; hides: (path: string) => boolean } => ({
  manifest: undefined,
  hides: () => false,
}));

vi.mock("node:fs", async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>();
  return {
    ...fs,
    existsSync: (path: string) => !fake.hides(path) && fs.existsSync(path),
    readFileSync: (path: string, encoding: "utf8") =>
      path.endsWith("package.json") && fake.manifest !== undefined
        ? fake.manifest
        : fs.readFileSync(path, encoding),
  };
});

beforeEach(() => {
  fake.manifest = undefined;
  fake.hides = () => false;
});

afterEach(() => {
  vi.unstubAllGlobals();
});

// The libraries are opened once a process, so what is refused comes before what is taken.
test("a platform without a build is refused, with those that have one", () => {
  vi.stubGlobal("process", { ...process, platform: "sunos", arch: "sparc", env: process.env });
  expect(() => nativeLibraries()).toThrow(
    expect.objectContaining({
      code: "BACKEND_MISSING",
      message: expect.stringMatching(/no build for sunos-sparc; supported are linux-x64, /),
    }),
  );
});

test("a package of another release is refused, with the one to install", () => {
  fake.manifest = JSON.stringify({ version: "3.99.0" });
  expect(() => nativeLibraries()).toThrow(
    expect.objectContaining({
      code: "BACKEND_VERSION",
      message: expect.stringContaining(`is 3.99.0, the binding was written for ${NATIVE_VERSION}; install`),
    }),
  );
});

test("a package that is not installed is named", () => {
  fake.hides = (path) => path.endsWith("package.json");
  expect(() => nativeLibraries()).toThrow(
    expect.objectContaining({
      code: "BACKEND_MISSING",
      message: expect.stringMatching(/@node-llama-cpp\/\S+ is not installed; run npm install again/),
    }),
  );
});

test("a library that the package lacks is named", () => {
  fake.hides = (path) => /ggml\./.test(path);
  expect(() => nativeLibraries()).toThrow(
    expect.objectContaining({ code: "BACKEND_MISSING", message: expect.stringContaining("reinstall") }),
  );
});

test("the libraries are opened once", () => {
  const libraries = nativeLibraries();
  expect(nativeLibraries()).toBe(libraries);
  expect(libraries.directory).toContain("@node-llama-cpp");
});
