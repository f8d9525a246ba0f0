import { expect, test } from "vitest";
import { nativeLibraries } from "../ffi/library.ts";
import { isTensorTypeName, rowBytes, TENSOR_TYPE_NAMES, tensorType, tensorTypeById } from "./tensor-types.ts";

test("the table of types is that of the ggml that is loaded, complete and exact", () => {
  const { ggmlBase } = nativeLibraries();
  const typeName = ggmlBase.func("const char *ggml_type_name(int)");
  const blockSize = ggmlBase.func("int64_t ggml_blck_size(int)");
  const blockBytes = ggmlBase.func("size_t ggml_type_size(int)");
  const NUM_GGML_TYPES = 43;
  const known = [];
  for (let id = 0; id < NUM_GGML_TYPES; id++) {
    // Types that were removed keep their number with a block size of zero.
    if (Number(blockSize(id)) === 0) continue;
    known.push({
      id,
      name: String(typeName(id)).toUpperCase(),
      blockSize: Number(blockSize(id)),
      blockBytes: Number(blockBytes(id)),
    });
  }
  expect(TENSOR_TYPE_NAMES.map(tensorType)).toEqual(known);
});

test("types are found by name and by number, and unknown ones are not", () => {
  expect(tensorTypeById(12)?.name).toBe("Q4_K");
  expect(tensorTypeById(4)).toBeUndefined();
  expect(isTensorTypeName("Q4_K")).toBe(true);
  expect(isTensorTypeName("q4_k")).toBe(false);
  expect(() => tensorType("Q9" as "Q8_0")).toThrow(/"Q9" is unknown; known are F32/);
});

test("a row's bytes follow from its blocks", () => {
  expect(rowBytes("F32", 3)).toBe(12);
  expect(rowBytes("Q4_0", 896)).toBe(504);
  expect(rowBytes("Q6_K", 512)).toBe(420);
  expect(() => rowBytes("Q4_K", 896)).toThrow(/896 elements is not a whole number of Q4_K blocks of 256/);
});
