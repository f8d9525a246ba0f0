import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CpuBackend } from "./cpu-backend.ts";
import { GraphBuilder } from "./graph-builder.ts";
import type { Tensor } from "./handles.ts";
import type { RopeMode, RopeParameters } from "./ops.ts";
import { getTensor } from "./tensor-arena.ts";
import { F32, I32 } from "./tensor-type.ts";

let backend: CpuBackend;

beforeAll(() => {
  backend = new CpuBackend({ threads: 1 });
});

afterAll(() => {
  backend[Symbol.dispose]();
});

/** Numbers of which no two are alike. */
function ramp(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i) + 0.01 * i);
}

/** The `length` numbers of the tensor that `build` answers with. */
async function compute(length: number, build: (graph: GraphBuilder) => Tensor): Promise<Float32Array> {
  using graph = new GraphBuilder(backend.bufferType, 64);
  const output = graph.output(build(graph));
  graph.allocate();
  graph.fillInputs();
  await backend.compute(graph.graph);
  const result = new Float32Array(length);
  getTensor(output, result);
  return result;
}

function expectClose(actual: Float32Array, expected: readonly number[], atol = 1e-5): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs((actual[i] ?? Number.NaN) - value), `at ${i}`).toBeLessThan(atol);
}

const silu = (x: number): number => x / (1 + Math.exp(-x));

test("add and mul go element by element, rows of the second repeated", async () => {
  const a = ramp(6);
  const b = Float32Array.of(2, -1, 3);
  const of = (op: "add" | "mul"): Promise<Float32Array> =>
    compute(6, (graph) =>
      graph[op](
        graph.input(F32, [3, 2], () => a),
        graph.input(F32, [3], () => b),
      ),
    );
  expectClose(
    await of("add"),
    [...a].map((x, i) => x + (b[i % 3] ?? 0)),
  );
  expectClose(
    await of("mul"),
    [...a].map((x, i) => x * (b[i % 3] ?? 0)),
  );
});

test("mulMat multiplies each row of the weights by each token", async () => {
  const [weights, x] = [ramp(5 * 4), ramp(5 * 3).map((v) => v - 0.3)];
  const actual = await compute(4 * 3, (graph) =>
    graph.mulMat(
      graph.input(F32, [5, 4], () => weights),
      graph.input(F32, [5, 3], () => x),
    ),
  );
  const dot = (token: number, row: number): number =>
    [0, 1, 2, 3, 4].reduce((sum, i) => sum + (weights[row * 5 + i] ?? 0) * (x[token * 5 + i] ?? 0), 0);
  expectClose(
    actual,
    [0, 1, 2].flatMap((token) => [0, 1, 2, 3].map((row) => dot(token, row))),
  );
});

test("rmsNorm divides each row by the root of its mean square and epsilon", async () => {
  const x = ramp(8);
  const epsilon = 0.5;
  const actual = await compute(8, (graph) =>
    graph.rmsNorm(
      graph.input(F32, [4, 2], () => x),
      epsilon,
    ),
  );
  const rows = [x.subarray(0, 4), x.subarray(4)];
  expectClose(
    actual,
    rows.flatMap((row) => {
      const meanSquare = row.reduce((sum, v) => sum + v * v, 0) / 4;
      return [...row].map((v) => v / Math.sqrt(meanSquare + epsilon));
    }),
  );
});

test("swiglu gates the second by silu of the first, apart or as the halves of each row", async () => {
  const [gate, up] = [ramp(6), ramp(6).map((x) => 1 - x)];
  const expected = [...gate].map((x, i) => silu(x) * (up[i] ?? 0));
  const apart = await compute(6, (graph) =>
    graph.swiglu(
      graph.input(F32, [3, 2], () => gate),
      graph.input(F32, [3, 2], () => up),
    ),
  );
  expectClose(apart, expected);
  const halves = Float32Array.of(...gate.slice(0, 3), ...up.slice(0, 3), ...gate.slice(3), ...up.slice(3));
  const stacked = await compute(6, (graph) => graph.swigluHalves(graph.input(F32, [6, 2], () => halves)));
  expectClose(stacked, expected);
});

test("getRows looks rows up, in any order and more than once", async () => {
  const table = ramp(4 * 3);
  const actual = await compute(4 * 4, (graph) =>
    graph.getRows(
      graph.input(F32, [4, 3], () => table),
      graph.input(I32, [4], () => Int32Array.of(2, 0, 0, 1)),
    ),
  );
  expectClose(
    actual,
    [2, 0, 0, 1].flatMap((row) => [...table.subarray(row * 4, row * 4 + 4)]),
  );
});

test("views are windows with strides, and swapped axes are written out by contiguous", async () => {
  const a = ramp(24);
  const window = await compute(8, (graph) => {
    const input = graph.input(F32, [6, 4], () => a);
    // Two elements from the second on, of two rows, each from every other pair of rows.
    return graph.contiguous(graph.view3d(input, [2, 2, 2], [24, 48], 4));
  });
  expectClose(
    window,
    [1, 2, 7, 8, 13, 14, 19, 20].map((i) => a[i] ?? 0),
  );
  const swapped = await compute(24, (graph) =>
    graph.contiguous(
      graph.swapAxes12(
        graph.reshape3d(
          graph.input(F32, [6, 4], () => a),
          2,
          3,
          4,
        ),
      ),
    ),
  );
  const at = (i: number, j: number, k: number): number => a[i + 2 * j + 6 * k] ?? 0;
  expectClose(
    swapped,
    [0, 1, 2].flatMap((j) => [0, 1, 2, 3].flatMap((k) => [at(0, j, k), at(1, j, k)])),
  );
});

describe("rope", () => {
  const HEAD_DIM = 8;
  const POSITIONS = [0, 1, 1_000];
  const PLAIN: RopeParameters = {
    mode: "neox",
    numDims: HEAD_DIM,
    freqBase: 10_000,
    freqScale: 1,
    extFactor: 0,
    attnFactor: 1,
    betaFast: 32,
    betaSlow: 1,
    originalContext: 4_096,
  };

  /** Pair `i` of a head turned by `position · freqScale · base^(−2i/numDims) / factor_i`. */
  function rotated(x: Float32Array, p: RopeParameters, factors?: readonly number[]): number[] {
    const out = [...x];
    const half = p.numDims / 2;
    for (const [token, position] of POSITIONS.entries()) {
      for (let head = 0; head < 2; head++) {
        const start = (token * 2 + head) * HEAD_DIM;
        for (let i = 0; i < half; i++) {
          const [first, second] = p.mode === "neox" ? [i, i + half] : [2 * i, 2 * i + 1];
          const frequency = p.freqBase ** ((-2 * i) / p.numDims) / (factors?.[i] ?? 1);
          const angle = position * p.freqScale * frequency;
          const [a, b] = [x[start + first] ?? 0, x[start + second] ?? 0];
          out[start + first] = p.attnFactor * (a * Math.cos(angle) - b * Math.sin(angle));
          out[start + second] = p.attnFactor * (a * Math.sin(angle) + b * Math.cos(angle));
        }
      }
    }
    return out;
  }

  function rope(x: Float32Array, p: RopeParameters, factors?: readonly number[]): Promise<Float32Array> {
    return compute(x.length, (graph) =>
      graph.rope(
        graph.input(F32, [HEAD_DIM, 2, POSITIONS.length], () => x),
        graph.input(I32, [POSITIONS.length], () => Int32Array.from(POSITIONS)),
        factors && graph.input(F32, [factors.length], () => Float32Array.from(factors)),
        p,
      ),
    );
  }

  const x = ramp(HEAD_DIM * 2 * POSITIONS.length);

  test.each<RopeMode>(["neox", "interleaved"])(
    "turns pairs by position and frequency in mode %s",
    async (mode) => {
      const p = { ...PLAIN, mode };
      expectClose(await rope(x, p), rotated(x, p), 1e-3);
    },
  );

  test("leaves the rest of a head alone where fewer elements are rotated", async () => {
    const p = { ...PLAIN, numDims: 4 };
    const actual = await rope(x, p);
    expectClose(actual, rotated(x, p), 1e-3);
    expect(actual.subarray(4, 8)).toEqual(x.subarray(4, 8));
  });

  test("scales positions, frequencies and magnitude", async () => {
    const p = { ...PLAIN, freqScale: 0.25, freqBase: 500, attnFactor: 0.5 };
    const factors = [1, 2, 4, 8];
    expectClose(await rope(x, p, factors), rotated(x, p, factors), 1e-3);
  });
});

describe("a graph builder", () => {
  test("builds one graph after another in the same memory", async () => {
    using graph = new GraphBuilder(backend.bufferType, 64);
    for (const size of [4, 400, 40]) {
      graph.reset();
      const a = graph.input(F32, [size], () => new Float32Array(size).fill(size));
      const sum = graph.output(graph.add(a, a));
      graph.allocate();
      graph.fillInputs();
      await backend.compute(graph.graph);
      const result = new Float32Array(size);
      getTensor(sum, result);
      expect(result).toEqual(new Float32Array(size).fill(2 * size));
    }
    expect(graph.computeBytes).toBeGreaterThanOrEqual(2 * 400 * 4);
  });

  test("asks for its inputs anew before each computation", async () => {
    using graph = new GraphBuilder(backend.bufferType, 16);
    let value = 1;
    const a = graph.input(F32, [2], () => new Float32Array(2).fill(value));
    const sum = graph.output(graph.add(a, a));
    graph.allocate();
    const seen: number[] = [];
    for (value of [1, 5, -3]) {
      graph.fillInputs();
      await backend.compute(graph.graph);
      const result = new Float32Array(2);
      getTensor(sum, result);
      seen.push(result[1] ?? 0);
    }
    expect(seen).toEqual([2, 10, -6]);
  });

  test("refuses to be used once it is disposed, and is disposed once", () => {
    const graph = new GraphBuilder(backend.bufferType, 16);
    graph[Symbol.dispose]();
    graph[Symbol.dispose]();
    const disposed = expect.objectContaining({ code: "DISPOSED" });
    expect(() => graph.reset()).toThrow(disposed);
    expect(() => graph.input(F32, [1], () => new Float32Array(1))).toThrow(disposed);
    expect(() => graph.allocate()).toThrow(disposed);
    expect(() => graph.fillInputs()).toThrow(disposed);
  });
});
