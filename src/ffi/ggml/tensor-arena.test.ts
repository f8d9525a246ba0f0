import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveNative } from "../live.ts";
import { CpuBackend } from "./cpu-backend.ts";
import { ggml } from "./symbols.ts";
import {
  getTensor,
  type Shape,
  setTensor,
  setTensorAsync,
  TensorArena,
  tensorBytes,
} from "./tensor-arena.ts";
import { F16, F32, I64 } from "./tensor-type.ts";

/** `GGML_TYPE_Q8_0`: blocks of 32 elements in 34 bytes. */
const Q8_0 = 8;

let backend: CpuBackend;

beforeAll(() => {
  backend = new CpuBackend({ threads: 1 });
});

afterAll(() => {
  backend[Symbol.dispose]();
});

describe("a tensor arena", () => {
  test.each<[number, Shape, number]>([
    [F32, [5], 20],
    [F16, [5, 3], 30],
    [I64, [2, 3, 4], 192],
    [F32, [2, 3, 4, 5], 480],
    [Q8_0, [64, 3], 2 * 34 * 3],
  ])("declares tensors of type %i and shape %j with %i bytes", (type, shape, bytes) => {
    using arena = new TensorArena(1);
    const tensor = arena.declare(type, shape);
    arena.allocate(backend.bufferType);
    expect(ggml.ggml_nbytes(tensor)).toBe(bytes);
    expect(tensorBytes(tensor)).toHaveLength(bytes);
    expect(arena.bytes).toBeGreaterThanOrEqual(bytes);
  });

  test("keeps what is written to each of its tensors", async () => {
    using arena = new TensorArena(3);
    const tensors = [1, 2, 3].map(() => arena.declare(F32, [3, 7]));
    arena.allocate(backend.bufferType);
    const written = tensors.map((_, t) => Float32Array.from({ length: 21 }, (_, i) => 100 * t + i));
    for (const [t, data] of written.entries()) {
      const tensor = tensors[t];
      if (tensor === undefined) continue;
      if (t === 1) await setTensorAsync(tensor, data);
      else setTensor(tensor, data);
    }
    for (const [t, tensor] of tensors.entries()) {
      const read = new Float32Array(21);
      getTensor(tensor, read);
      expect(read).toEqual(written[t]);
    }
  });

  test("reads a part of a tensor from where it is asked to", () => {
    using arena = new TensorArena(1);
    const tensor = arena.declare(F32, [10]);
    arena.allocate(backend.bufferType);
    setTensor(
      tensor,
      Float32Array.from({ length: 10 }, (_, i) => i),
    );
    const part = new Float32Array(3);
    getTensor(tensor, part, 4 * Float32Array.BYTES_PER_ELEMENT);
    expect([...part]).toEqual([4, 5, 6]);
  });

  test("hands out a window on a tensor's memory, not a copy", () => {
    using arena = new TensorArena(1);
    const tensor = arena.declare(F32, [4]);
    arena.allocate(backend.bufferType);
    const window = tensorBytes(tensor);
    window.set(new Uint8Array(Float32Array.of(1.5, -2, 0, 8).buffer));
    const read = new Float32Array(4);
    getTensor(tensor, read);
    expect([...read]).toEqual([1.5, -2, 0, 8]);
    setTensor(tensor, Float32Array.of(3));
    expect(new Float32Array(window.slice().buffer)[0]).toBe(3);
  });

  test("clears all its tensors", () => {
    using arena = new TensorArena(2);
    const tensors = [arena.declare(F32, [100]), arena.declare(F16, [33])];
    arena.allocate(backend.bufferType);
    for (const tensor of tensors) tensorBytes(tensor).fill(0xff);
    arena.clear();
    for (const tensor of tensors) expect(tensorBytes(tensor).every((byte) => byte === 0)).toBe(true);
  });

  test("has no bytes before it is allocated, nor without tensors", () => {
    using arena = new TensorArena(1);
    expect(arena.bytes).toBe(0);
    arena.allocate(backend.bufferType);
    expect(arena.bytes).toBe(0);
    const tensor = arena.declare(F32, [4]);
    expect(() => tensorBytes(tensor)).toThrow(expect.objectContaining({ code: "BACKEND_FAILED" }));
  });

  test("says that memory is not to be had, and gives back what it took until then", () => {
    const before = liveNative();
    {
      using arena = new TensorArena(1);
      arena.declare(F32, [2 ** 31 - 1, 2 ** 14]);
      expect(() => arena.allocate(backend.bufferType)).toThrow(
        expect.objectContaining({
          code: "OUT_OF_MEMORY",
          message: expect.stringMatching(/allocating 1 tensors: .*failed to allocate/),
        }),
      );
    }
    expect(liveNative()).toEqual(before);
  });

  test("counts its memory while it lives, and is disposed once", () => {
    const before = liveNative();
    const arena = new TensorArena(1);
    arena.declare(F32, [1_000]);
    arena.allocate(backend.bufferType);
    expect(liveNative()).toEqual({
      ...before,
      contexts: before.contexts + 1,
      buffers: before.buffers + 1,
      bufferBytes: before.bufferBytes + arena.bytes,
    });
    arena[Symbol.dispose]();
    arena[Symbol.dispose]();
    expect(liveNative()).toEqual(before);
  });

  test("refuses to be used once it is disposed", () => {
    const arena = new TensorArena(1);
    arena[Symbol.dispose]();
    const disposed = expect.objectContaining({ code: "DISPOSED" });
    expect(() => arena.declare(F32, [1])).toThrow(disposed);
    expect(() => arena.allocate(backend.bufferType)).toThrow(disposed);
  });

  test("leaves nothing behind, over and over", () => {
    const before = liveNative();
    for (let i = 0; i < 200; i++) {
      using arena = new TensorArena(2);
      arena.declare(F32, [1_000 + i]);
      arena.declare(F16, [64, i + 1]);
      arena.allocate(backend.bufferType);
    }
    expect(liveNative()).toEqual(before);
  });
});
