import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ComputeQueue } from "./compute-queue.ts";

describe("a compute queue", () => {
  test("runs tasks one after another, in the order they came", async () => {
    const queue = new ComputeQueue();
    const log: string[] = [];
    const task = (name: string, ms: number) => async (): Promise<string> => {
      log.push(`${name} starts`);
      await sleep(ms);
      log.push(`${name} ends`);
      return name;
    };
    const results = await Promise.all([
      queue.run(task("a", 20)),
      queue.run(task("b", 1)),
      queue.run(task("c", 5)),
    ]);
    expect(results).toEqual(["a", "b", "c"]);
    expect(log).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  });

  test("goes on after a task that fails, and tells only its caller", async () => {
    const queue = new ComputeQueue();
    const failing = queue.run(async () => {
      throw new RangeError("no");
    });
    const next = queue.run(async () => 7);
    await expect(failing).rejects.toThrow("no");
    expect(await next).toBe(7);
  });

  test("goes on after a task that throws before it waits", async () => {
    const queue = new ComputeQueue();
    const failing = queue.run(() => {
      throw new RangeError("at once");
    });
    await expect(failing).rejects.toThrow("at once");
    expect(await queue.run(async () => 7)).toBe(7);
  });

  test("lets a task that was queued by a running one wait for it", async () => {
    const queue = new ComputeQueue();
    const log: string[] = [];
    let inner: Promise<void> | undefined;
    await queue.run(async () => {
      inner = queue.run(async () => void log.push("inner"));
      await sleep(5);
      log.push("outer");
    });
    await inner;
    expect(log).toEqual(["outer", "inner"]);
  });
});
