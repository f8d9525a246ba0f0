import { expect, test } from "vitest";
import { TensorByteMaker } from "./tensor-bytes.ts";
import type { PlannedTensor } from "./tensor-plan.ts";

const ROW_LENGTH = 896;
const NUM_ROWS = 3000;
const DEVIATION = 0.02;

/** Large enough to be put together from a pool. */
function plannedMatrix(name: string): PlannedTensor {
  const draw = { kind: "normal", mean: 0, deviation: DEVIATION } as const;
  return { name, shape: [ROW_LENGTH, NUM_ROWS], isMatrix: true, draw };
}

function bytesOf(maker: TensorByteMaker, name: string, type: "F32" | "Q4_0"): Buffer {
  return Buffer.concat([...maker.bytes(plannedMatrix(name), type)]);
}

test("a matrix from a pool has no two equal rows and the deviation that was planned", () => {
  const bytes = bytesOf(new TensorByteMaker(1), "w", "F32");
  const rows = Array.from({ length: NUM_ROWS }, (_, i) => {
    return bytes.toString("latin1", 4 * ROW_LENGTH * i, 4 * ROW_LENGTH * (i + 1));
  });
  expect(new Set(rows).size).toBe(NUM_ROWS);
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, ROW_LENGTH * NUM_ROWS);
  const variance = numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length;
  expect(Math.sqrt(variance) / DEVIATION).toBeCloseTo(1, 2);
});

test("what a pool gives depends on seed and name, not on what was asked for before", () => {
  const maker = new TensorByteMaker(1);
  const first = bytesOf(maker, "a", "Q4_0");
  const second = bytesOf(maker, "b", "Q4_0");
  expect(first).toHaveLength((ROW_LENGTH / 32) * 18 * NUM_ROWS);
  expect(first.equals(second)).toBe(false);
  expect(bytesOf(new TensorByteMaker(1), "b", "Q4_0").equals(second)).toBe(true);
  expect(bytesOf(new TensorByteMaker(2), "b", "Q4_0").equals(second)).toBe(false);
});
