import { spawnSync } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { CpuBackend } from "./cpu-backend.ts";
import { type NativeLogLevel, setNativeLogSink, takeNativeError } from "./log.ts";
import { TensorArena } from "./tensor-arena.ts";
import { F32 } from "./tensor-type.ts";

afterEach(() => {
  setNativeLogSink(() => {});
});

/** Asks for more memory than there is, which ggml logs as an error. */
function logAnError(): void {
  using backend = new CpuBackend({ threads: 1 });
  using arena = new TensorArena(1);
  arena.declare(F32, [2 ** 31 - 1, 2 ** 14]);
  try {
    arena.allocate(backend.bufferType);
  } catch {
    // The log is what is looked at.
  }
}

test("what ggml logs goes to the sink, a line at a time, with its level", () => {
  const lines: [NativeLogLevel, string][] = [];
  setNativeLogSink((level, text) => lines.push([level, text]));
  logAnError();
  const errors = lines.filter(([level]) => level === "error");
  expect(errors.map(([, text]) => text)).toContainEqual(expect.stringMatching(/insufficient memory/));
  expect(errors.map(([, text]) => text)).toContainEqual(expect.stringMatching(/failed to allocate/));
  for (const [, text] of lines) expect(text).toBe(text.trimEnd());
});

test("the newest error is taken once", () => {
  using backend = new CpuBackend({ threads: 1 });
  using arena = new TensorArena(1);
  const tooLarge = 2 ** 31 - 1;
  arena.declare(F32, [tooLarge, 2 ** 14]);
  // The message of the error takes it.
  expect(() => arena.allocate(backend.bufferType)).toThrow(/failed to allocate/);
  expect(takeNativeError()).toBe("");
});

test("nothing that ggml logs reaches the terminal", () => {
  const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const script = `
    const { CpuBackend } = await import(${module("./cpu-backend.ts")});
    const { TensorArena } = await import(${module("./tensor-arena.ts")});
    const backend = new CpuBackend({ threads: 1 });
    const arena = new TensorArena(1);
    arena.declare(0, [2 ** 31 - 1, 2 ** 14]);
    try { arena.allocate(backend.bufferType); } catch (error) { console.log(error.code); }`;
  const run = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(run).toMatchObject({ status: 0, stdout: "OUT_OF_MEMORY\n", stderr: "" });
});
