import { expect, test } from "vitest";
import { bindLibrary } from "../bind.ts";
import { nativeLibraries } from "../library.ts";
import { CpuBackend, loadBackends } from "./cpu-backend.ts";
import { ggml } from "./symbols.ts";

// In a file of its own: backends are loaded once a process, and this must come before.
test("a ggml of another release is refused, and the right one is taken after that", () => {
  const descriptor = Object.getOwnPropertyDescriptor(ggml, "ggml_version") ?? {};
  Object.defineProperty(ggml, "ggml_version", { configurable: true, value: () => "0.0.1" });
  expect(() => loadBackends()).toThrow(
    expect.objectContaining({
      code: "BACKEND_VERSION",
      message: expect.stringMatching(/found 0\.0\.1, the binding was written for .*; reinstall/),
    }),
  );
  expect(() => new CpuBackend()).toThrow(expect.objectContaining({ code: "BACKEND_VERSION" }));
  Object.defineProperty(ggml, "ggml_version", descriptor);
  expect(typeof loadBackends()).toBe("bigint");
  expect(loadBackends()).toBe(loadBackends());
});

test("a function that the library lacks is named, with the release that has it", () => {
  interface Absent {
    readonly ggml_version: () => string;
    readonly ggml_turn_water_into_wine: () => void;
  }
  const symbols = bindLibrary<Absent>(() => nativeLibraries().ggmlBase, {
    ggml_version: "const char *ggml_version(void)",
    ggml_turn_water_into_wine: "void ggml_turn_water_into_wine(void)",
  });
  expect(symbols.ggml_version()).toMatch(/^\d+\.\d+\.\d+$/);
  expect(() => symbols.ggml_turn_water_into_wine()).toThrow(
    expect.objectContaining({
      code: "BACKEND_VERSION",
      message: expect.stringMatching(/binding ggml_turn_water_into_wine: .*needs release \d/),
    }),
  );
});
