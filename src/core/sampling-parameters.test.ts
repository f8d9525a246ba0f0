import { expect, test } from "vitest";
import { DEFAULT_SAMPLING, samplingParameters } from "./sampling-parameters.ts";

test("what is left out or undefined has its default", () => {
  expect(samplingParameters()).toEqual(DEFAULT_SAMPLING);
  expect(samplingParameters({ temperature: 0, topP: undefined })).toEqual({
    ...DEFAULT_SAMPLING,
    temperature: 0,
  });
});

test("the defaults pass their own checks", () => {
  expect(samplingParameters({ ...DEFAULT_SAMPLING })).toEqual(DEFAULT_SAMPLING);
});

test("an unknown name is refused with the nearest known one", () => {
  expect(() => samplingParameters({ top_p: 0.9 })).toThrow(
    expect.objectContaining({
      code: "OPTION_UNKNOWN",
      message: expect.stringContaining("did you mean topP?"),
    }),
  );
  expect(() => samplingParameters({ mirostat: 2 })).toThrow(
    expect.objectContaining({
      code: "OPTION_UNKNOWN",
      message: expect.stringContaining("known are temperature"),
    }),
  );
  expect(() => samplingParameters({ toString: 1 })).toThrow(
    expect.objectContaining({ code: "OPTION_UNKNOWN" }),
  );
});

test.each([
  ["temperature", -0.1],
  ["temperature", Number.NaN],
  ["temperature", "1"],
  ["topK", 1.5],
  ["topK", -1],
  ["topP", 1.01],
  ["minP", -0.01],
  ["repetitionPenalty", 0],
  ["repetitionWindow", -1],
  ["repetitionWindow", Number.NaN],
  ["frequencyPenalty", 2.1],
  ["presencePenalty", null],
  ["logitBias", []],
  ["logitBias", { "1.5": 1 }],
  ["logitBias", { "7": 101 }],
  ["logitBias", null],
  ["seed", 0.5],
  ["seed", 2 ** 60],
  ["topLogprobs", 21],
])("%s: %j is refused", (name, value) => {
  expect(() => samplingParameters({ [name]: value })).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: expect.stringContaining(`setting ${name}: must`),
    }),
  );
});

test.each([
  { temperature: 0, topK: 0, topP: 0, minP: 1 },
  { repetitionWindow: Number.POSITIVE_INFINITY, repetitionPenalty: 0.5 },
  { frequencyPenalty: -2, presencePenalty: 2, logitBias: { "0": -100, "151935": 100 } },
  { seed: -5, topLogprobs: 0 },
])("%j is taken as it is", (input) => {
  expect(samplingParameters(input)).toEqual({ ...DEFAULT_SAMPLING, ...input });
});
