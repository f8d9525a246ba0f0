import { describe, expect, it } from "vitest";
import { KV_TYPE_NUMBER, keyBlockBytes, kvLayout, valueBlockBytes } from "./layout.ts";
import { attentionKernel } from "./symbols.ts";

describe("the layout of keys and values", () => {
  it("takes whole blocks of 16 tokens, keys of a head before its values", () => {
    const shape = { numKvHeads: 2, headDim: 64, valueDim: 32, type: "f16" } as const;
    expect(kvLayout(shape, 17)).toEqual({
      shape,
      capacity: 32,
      keyBytes: 32 * 64 * 2,
      headBytes: 32 * 64 * 2 + 32 * 32 * 2,
      layerBytes: 2 * (32 * 64 * 2 + 32 * 32 * 2),
    });
    expect(kvLayout(shape, 0).layerBytes).toBe(0);
  });

  it("adds a scale for every 32 dimensions of a q8 key and one for a q8 value", () => {
    expect(keyBlockBytes("q8", 80)).toBe(16 * 80 + 16 * 2 * 3);
    expect(valueBlockBytes("q8", 80)).toBe(16 * 80 + 16 * 2);
  });

  it.each([0, 8, 24, 1040, 64.5])("has no heads of %d elements", (headDim) => {
    expect(() => kvLayout({ numKvHeads: 1, headDim, valueDim: 16, type: "f16" }, 1)).toThrow(RangeError);
  });

  it("has no negative number of tokens", () => {
    const shape = { numKvHeads: 1, headDim: 16, valueDim: 16, type: "f16" } as const;
    expect(() => kvLayout(shape, -1)).toThrow(/-1 is not a number of tokens/);
  });

  const kernel = attentionKernel();
  it.skipIf(kernel === undefined)("is the kernel's", () => {
    for (const type of ["f16", "q8"] as const) {
      for (const dim of [16, 48, 64, 80, 256]) {
        expect(kernel?.symbols.rondo_key_block_bytes(KV_TYPE_NUMBER[type], dim)).toBe(
          keyBlockBytes(type, dim),
        );
        expect(kernel?.symbols.rondo_value_block_bytes(KV_TYPE_NUMBER[type], dim)).toBe(
          valueBlockBytes(type, dim),
        );
      }
    }
  });
});
