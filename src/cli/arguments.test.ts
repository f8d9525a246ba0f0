import type { ArgsDef } from "citty";
import { describe, expect, it } from "vitest";
import { checkArguments } from "./arguments.ts";

const ARGS: ArgsDef = {
  prompt: { type: "string", alias: "p" },
  temperature: { type: "string" },
  stop: { type: "string" },
  json: { type: "boolean" },
};

const check = (...rawArgs: readonly string[]): unknown => checkArguments(rawArgs, ARGS, ["stop"]);
const refusal = (...rawArgs: readonly string[]): unknown => {
  try {
    check(...rawArgs);
  } catch (error) {
    return error;
  }
  return undefined;
};

describe("checkArguments", () => {
  it.each([
    [],
    ["--prompt", "a text"],
    ["--prompt=a text", "--json"],
    ["-p", "-", "--temperature", "-1"],
    ["--prompt=--json"],
    ["--prompt", ""],
  ])("accepts %j", (...rawArgs) => {
    expect(refusal(...rawArgs)).toBeUndefined();
  });

  it("collects an option that may be given again, in order", () => {
    const values = checkArguments(["--stop", "a", "--json", "--stop=b"], ARGS, ["stop"]);
    expect(values.get("stop")).toEqual(["a", "b"]);
  });

  it("answers with an empty list for one that was not given", () => {
    expect(checkArguments([], ARGS, ["stop"]).get("stop")).toEqual([]);
  });

  it.each([
    ["--temprature", "--temperature"],
    ["--jsn", "--json"],
    ["--hlp", "--help"],
  ])("refuses %s and names %s", (flag, nearest) => {
    expect(refusal(flag, "1")).toMatchObject({
      code: "OPTION_UNKNOWN",
      message: expect.stringContaining(`did you mean ${nearest}?`),
    });
  });

  it.each([["--no-json"], ["--Prompt"], ["-x"], ["-pa"], ["---json"]])("refuses %s", (flag) => {
    expect(refusal(flag)).toMatchObject({ code: "OPTION_UNKNOWN" });
  });

  it.each([
    [["--prompt"], "needs a value"],
    [["--prompt", "--json"], "write --prompt=--json"],
    [["--prompt", "-p"], "looks like an option"],
    [["--json=yes"], "takes no value"],
    [["--prompt", "a", "-p", "b"], "given twice"],
    [["hello"], "options only"],
    [["--", "--json"], "options only"],
  ])("refuses %j because it %s", (rawArgs, why) => {
    expect(refusal(...rawArgs)).toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(why),
    });
  });

  it("takes as many arguments as there are places, options between them or not", () => {
    const args: ArgsDef = { file: { type: "positional" }, json: { type: "boolean" } };
    expect(() => checkArguments(["--json", "a.gguf"], args)).not.toThrow();
    expect(() => checkArguments(["--", "-a.gguf"], args)).not.toThrow();
    expect(() => checkArguments(["a.gguf", "b.gguf"], args)).toThrow("at most 1");
  });

  it("asks for an option that is needed", () => {
    const args: ArgsDef = { prompt: { type: "string", required: true } };
    expect(() => checkArguments([], args)).toThrow("--prompt is missing");
    expect(() => checkArguments(["--prompt", ""], args)).not.toThrow();
  });
});
