import { describe, expect, it } from "vitest";
import { hash32, Random } from "./random.ts";

describe("Random", () => {
  it("draws these numbers for this seed on every machine", () => {
    const random = new Random("pinned");
    expect(Array.from({ length: 5 }, () => random.below(1000))).toEqual([410, 266, 46, 384, 70]);
    expect(hash32("rondo")).toBe(2410577797);
  });

  it("spreads its numbers evenly", () => {
    const random = new Random("even");
    const drawn = Array.from({ length: 10_000 }, () => random.below(10));
    for (let number = 0; number < 10; number++) {
      const count = drawn.filter((other) => other === number).length;
      expect(count).toBeGreaterThan(850);
      expect(count).toBeLessThan(1150);
    }
  });

  it("meets a probability", () => {
    const random = new Random("chance");
    const hits = Array.from({ length: 10_000 }, () => random.chance(0.3)).filter(Boolean).length;
    expect(hits / 10_000).toBeCloseTo(0.3, 1);
  });

  it("shuffles and samples without losing or repeating elements", () => {
    const random = new Random("shuffle");
    const list = [...Array(50).keys()];
    expect(random.shuffled(list).sort((x, y) => x - y)).toEqual(list);
    expect(random.shuffled(list)).not.toEqual(list);
    expect(new Set(random.sample(list, 20)).size).toBe(20);
  });

  it("refuses to pick from nothing", () => {
    expect(() => new Random("none").pick([])).toThrow(RangeError);
  });
});
