import { describe, expect, it } from "vitest";
import { ENVIRONMENT, readConfig } from "./config.ts";
import { RondoError } from "./errors.ts";

describe("readConfig", () => {
  it("leaves everything to the defaults in an empty environment", () => {
    expect(readConfig({})).toEqual({
      modelPath: undefined,
      threads: undefined,
      isDebug: false,
      allowsColor: true,
    });
  });

  it("takes an empty variable for an unset one", () => {
    const empty = Object.fromEntries(Object.keys(ENVIRONMENT).map((name) => [name, ""]));
    expect(readConfig(empty)).toEqual(readConfig({}));
  });

  it("reads every variable that it documents", () => {
    const config = readConfig({ RONDO_MODEL: "a.gguf", RONDO_THREADS: "3", RONDO_DEBUG: "1", NO_COLOR: "1" });
    expect(config).toEqual({ modelPath: "a.gguf", threads: 3, isDebug: true, allowsColor: false });
  });

  it("gives a dumb terminal no colours", () => {
    expect(readConfig({ TERM: "dumb" }).allowsColor).toBe(false);
  });

  it.each([
    ["RONDO_THREADS", "0"],
    ["RONDO_THREADS", "513"],
    ["RONDO_THREADS", "2.5"],
    ["RONDO_THREADS", "1e2"],
    ["RONDO_THREADS", "-1"],
    ["RONDO_THREADS", "two"],
    ["RONDO_DEBUG", "yes please"],
  ])("refuses %s=%s and names the variable", (name, value) => {
    const read = (): unknown => readConfig({ [name]: value });
    expect(read).toThrow(RondoError);
    expect(read).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
    expect(read).toThrow(name);
  });
});
