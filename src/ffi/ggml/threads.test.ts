import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { physicalCores } from "./threads.ts";

test("the physical cores are at least one, and no more than the threads the system runs at once", () => {
  const cores = physicalCores();
  expect(Number.isInteger(cores)).toBe(true);
  expect(cores).toBeGreaterThanOrEqual(1);
  expect(cores).toBeLessThanOrEqual(availableParallelism());
});
