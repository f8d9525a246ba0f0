import { describe, expect, test } from "vitest";
import { Resources } from "./resources.ts";

function logging(log: string[], name: string): Disposable {
  return { [Symbol.dispose]: () => void log.push(name) };
}

describe("resources", () => {
  test("are disposed newest first", () => {
    const log: string[] = [];
    {
      using resources = new Resources();
      for (const name of ["backend", "weights", "runner"]) resources.use(logging(log, name));
      expect(log).toEqual([]);
    }
    expect(log).toEqual(["runner", "weights", "backend"]);
  });

  test("give back what they are given", () => {
    const thing = logging([], "thing");
    expect(new Resources().use(thing)).toBe(thing);
  });

  test("are disposed once, however often they are asked to", () => {
    const log: string[] = [];
    const resources = new Resources();
    resources.use(logging(log, "a"));
    resources[Symbol.dispose]();
    resources[Symbol.dispose]();
    expect(log).toEqual(["a"]);
  });

  test("that moved are the new owner's to dispose", () => {
    const log: string[] = [];
    const first = new Resources();
    first.use(logging(log, "a"));
    const second = first.move();
    first.use(logging(log, "b"));
    first[Symbol.dispose]();
    expect(log).toEqual(["b"]);
    second.use(logging(log, "c"));
    second[Symbol.dispose]();
    expect(log).toEqual(["b", "c", "a"]);
  });

  test("are disposed when an error leaves the scope that owns them", () => {
    const log: string[] = [];
    const fail = (): void => {
      using resources = new Resources();
      resources.use(logging(log, "a"));
      throw new RangeError("no");
    };
    expect(fail).toThrow(RangeError);
    expect(log).toEqual(["a"]);
  });

  test("are all disposed where disposing one of them fails", () => {
    const log: string[] = [];
    const resources = new Resources();
    resources.use(logging(log, "a"));
    resources.use({
      [Symbol.dispose]: () => {
        throw new RangeError("stuck");
      },
    });
    resources.use(logging(log, "c"));
    expect(() => resources[Symbol.dispose]()).toThrow("stuck");
    expect(log).toEqual(["c", "a"]);
  });
});
