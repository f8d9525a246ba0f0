import { describe, expect, it } from "vitest";
import { readInteger, readNumber } from "./number-option.ts";
import { readSampling } from "./sampling-options.ts";

describe("readNumber", () => {
  it.each([
    ["0", 0],
    ["-1.5", -1.5],
    [".5", 0.5],
    ["2.", 2],
    ["1e-3", 0.001],
    [" 7 ", 7],
  ])("reads %j", (text, value) => {
    expect(readNumber("seed", text)).toBe(value);
  });

  it.each(["", " ", "x", "1x", "0x10", "1,000", "Infinity", "NaN", "1e999", "--1"])("refuses %j", (text) => {
    expect(() => readNumber("seed", text)).toThrow("--seed");
  });

  it("leaves out what was not given", () => {
    expect(readNumber("seed", undefined)).toBeUndefined();
  });
});

describe("readInteger", () => {
  it("takes both ends of its range", () => {
    expect(readInteger("threads", "1", { min: 1, max: 512 })).toBe(1);
    expect(readInteger("threads", "512", { min: 1, max: 512 })).toBe(512);
  });

  it.each(["0", "513", "1.5", "1e300"])("refuses %s and says what fits", (text) => {
    expect(() => readInteger("threads", text, { min: 1, max: 512 })).toThrow(/--threads.*from 1 to 512/);
  });
});

describe("readSampling", () => {
  it("holds only what was given", () => {
    expect(readSampling({})).toEqual({});
    expect(readSampling({ "top-k": "5", seed: "-3", temperature: "0" })).toEqual({
      topK: 5,
      seed: -3,
      temperature: 0,
    });
  });

  it("takes all tokens for recent where asked to", () => {
    expect(readSampling({ "repetition-window": "all" })).toEqual({
      repetitionWindow: Number.POSITIVE_INFINITY,
    });
  });

  it.each([
    [{ temperature: "-1" }, "--temperature"],
    [{ temperature: "all" }, "--temperature"],
    [{ "top-p": "1.1" }, "--top-p"],
    [{ "top-k": "1.5" }, "--top-k"],
    [{ "repetition-penalty": "0" }, "--repetition-penalty"],
    [{ "presence-penalty": "3" }, "--presence-penalty"],
    [{ seed: "1.5" }, "--seed"],
  ])("refuses %j in the option's own name", (args, flag) => {
    expect(() => readSampling(args)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
    expect(() => readSampling(args)).toThrow(flag);
  });
});
