import { expect, test } from "vitest";
import { checkModelParams, vocabularyOnlyParams } from "./model-params.ts";
import { llama } from "./symbols.ts";

test("the library's default parameters are those the binding was written for", () => {
  const params = llama.llama_model_default_params();
  expect(checkModelParams(params)).toBe(params);
});

test("only the vocabulary is asked for", () => {
  expect(vocabularyOnlyParams()).toMatchObject({ vocab_only: true, use_extra_bufts: true, n_gpu_layers: -1 });
});

test.each([
  ["n_gpu_layers", 0],
  ["use_extra_bufts", false],
  ["no_alloc", true],
  ["tensor_split", 1n],
])("a library whose %s is %s by default is refused", (field, value) => {
  const params = { ...llama.llama_model_default_params(), [field]: value };
  expect(() => checkModelParams(params)).toThrow(
    expect.objectContaining({
      code: "BACKEND_VERSION",
      message: expect.stringContaining(`${field} is ${value}`),
    }),
  );
});

test("a struct of another size is refused", () => {
  expect(() => checkModelParams(llama.llama_model_default_params(), 88)).toThrow(
    expect.objectContaining({ code: "BACKEND_VERSION", message: expect.stringContaining("88 bytes") }),
  );
});
