import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { liveNative } from "../live.ts";
import { CpuBackend } from "./cpu-backend.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { Tensor } from "./handles.ts";
import { ggml } from "./symbols.ts";
import { getTensor } from "./tensor-arena.ts";
import { F32 } from "./tensor-type.ts";
import { physicalCores } from "./threads.ts";

/** A graph that multiplies a square matrix by itself over and over, long enough to be stopped within. */
function longGraph(backend: CpuBackend, size: number, numProducts: number): GraphBuilder {
  const graph = new GraphBuilder(backend.bufferType, numProducts + 8);
  const a = graph.input(F32, [size, size], () => new Float32Array(size * size).fill(1 / size));
  let product: Tensor = a;
  for (let i = 0; i < numProducts; i++) product = graph.mulMat(a, product);
  graph.output(product);
  graph.allocate();
  graph.fillInputs();
  return graph;
}

describe("a CPU backend", () => {
  test("takes the physical cores unless told otherwise", () => {
    using byDefault = new CpuBackend();
    expect(byDefault.threads).toBe(physicalCores());
    using one = new CpuBackend({ threads: 1 });
    expect(one.threads).toBe(1);
  });

  test.each([0, -1, 1.5, 513, Number.NaN])("refuses %d threads", (threads) => {
    expect(() => new CpuBackend({ threads })).toThrow(RangeError);
  });

  test("names the memory it computes in", () => {
    using backend = new CpuBackend({ threads: 1 });
    expect(ggml.ggml_backend_buft_name(backend.bufferType)).toBe("CPU");
    if (backend.repackBufferType !== undefined)
      expect(ggml.ggml_backend_buft_name(backend.repackBufferType)).toBe("CPU_REPACK");
  });

  test.each([1, 2, 3])("computes the same with %i threads", async (threads) => {
    using backend = new CpuBackend({ threads });
    using graph = new GraphBuilder(backend.bufferType, 16);
    const a = graph.input(F32, [3, 2], () => Float32Array.of(1, 2, 3, 4, 5, 6));
    const x = graph.input(F32, [3, 2], () => Float32Array.of(1, 0, -1, 2, 2, 2));
    const product = graph.output(graph.mulMat(a, x));
    graph.allocate();
    graph.fillInputs();
    await backend.compute(graph.graph);
    const result = new Float32Array(4);
    getTensor(product, result);
    expect([...result]).toEqual([-2, -2, 12, 30]);
  });

  test("works beside another one", async () => {
    using a = new CpuBackend({ threads: 2 });
    using b = new CpuBackend({ threads: 2 });
    using onA = longGraph(a, 64, 50);
    using onB = longGraph(b, 64, 50);
    await Promise.all([a.compute(onA.graph), b.compute(onB.graph)]);
    expect(liveNative().backends).toBeGreaterThanOrEqual(2);
  });

  test("is disposed once, and refuses to compute after that", async () => {
    using helper = new CpuBackend({ threads: 1 });
    using graph = longGraph(helper, 8, 1);
    const before = liveNative();
    const backend = new CpuBackend({ threads: 1 });
    expect(liveNative().backends).toBe(before.backends + 1);
    backend[Symbol.dispose]();
    backend[Symbol.dispose]();
    expect(liveNative()).toEqual(before);
    await expect(backend.compute(graph.graph)).rejects.toMatchObject({ code: "DISPOSED" });
  });

  test("leaves nothing behind, over and over", () => {
    const before = liveNative();
    for (let i = 0; i < 60; i++) {
      using backend = new CpuBackend({ threads: 1 + (i % 3) });
      expect(backend.threads).toBe(1 + (i % 3));
    }
    expect(liveNative()).toEqual(before);
  });
});

describe("a graph under way", () => {
  let backend: CpuBackend;
  let graph: GraphBuilder;

  beforeAll(() => {
    backend = new CpuBackend({ threads: 1 });
    graph = longGraph(backend, 512, 40);
  });

  afterAll(() => {
    graph[Symbol.dispose]();
    backend[Symbol.dispose]();
  });

  test("keeps others waiting: a second one at once is refused", async () => {
    const first = backend.compute(graph.graph);
    await expect(backend.compute(graph.graph)).rejects.toMatchObject({ code: "BACKEND_FAILED" });
    await first;
  });

  test("keeps the backend from being closed", async () => {
    const running = backend.compute(graph.graph);
    expect(() => backend[Symbol.dispose]()).toThrow(expect.objectContaining({ code: "BACKEND_FAILED" }));
    await running;
  });

  test("stops within itself when the signal fires, and the next one runs to its end", async () => {
    const start = performance.now();
    await backend.compute(graph.graph);
    const wholeMs = performance.now() - start;
    const stop = new AbortController();
    const restart = performance.now();
    const timer = setTimeout(() => stop.abort(), wholeMs / 10);
    await expect(backend.compute(graph.graph, stop.signal)).rejects.toMatchObject({ code: "ABORTED" });
    clearTimeout(timer);
    expect(performance.now() - restart).toBeLessThan(0.75 * wholeMs);
    await expect(backend.compute(graph.graph)).resolves.toBeUndefined();
  });

  test("is not started once the signal has fired, and the reason is the error's cause", async () => {
    const reason = new RangeError("changed my mind");
    const start = performance.now();
    await expect(backend.compute(graph.graph, AbortSignal.abort(reason))).rejects.toMatchObject({
      code: "ABORTED",
      cause: reason,
    });
    expect(performance.now() - start).toBeLessThan(50);
  });

  test("does not mind a signal that fires after its end", async () => {
    const stop = new AbortController();
    await backend.compute(graph.graph, stop.signal);
    stop.abort();
    await expect(backend.compute(graph.graph)).resolves.toBeUndefined();
  });
});
