import { describe, expect, it } from "vitest";
import { commands } from "./commands.ts";
import { commandHelp, mainHelp } from "./help.ts";
import {
  formatBytes,
  formatMilliseconds,
  formatNumber,
  formatParameters,
  formatSpeed,
} from "./quantities.ts";
import { replyLine } from "./reply-line.ts";
import { printable } from "./terminal.ts";

const LINE_WIDTH = 80;
const all = commands.names.map((name) => commands.get(name));

describe("quantities", () => {
  it.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1000, "0.977 KiB"],
    [1024, "1 KiB"],
    [102_349, "100 KiB"],
    [3_799_392, "3.62 MiB"],
    [5 * 2 ** 30, "5 GiB"],
  ])("writes %d bytes as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [3_799, "3,799"],
    [1_870_000, "1.87 M"],
    [99_960_000, "100 M"],
    [1_235_814_432, "1.24 B"],
  ])("writes %d parameters as %s", (count, text) => {
    expect(formatParameters(count)).toBe(text);
  });

  it("writes times and speeds with their units, and none where nothing was measured", () => {
    expect(formatMilliseconds(35.4)).toBe("35 ms");
    expect(formatMilliseconds(1250)).toBe("1.25 s");
    expect(formatSpeed(83.96)).toBe("84 tok/s");
    expect(formatSpeed(0)).toBeUndefined();
    expect(formatSpeed(Number.NaN)).toBeUndefined();
  });

  it("counts in singular and plural", () => {
    expect([0, 1, 1500].map((n) => formatNumber(n, "token"))).toEqual([
      "0 tokens",
      "1 token",
      "1,500 tokens",
    ]);
  });
});

describe("replyLine", () => {
  const timings = {
    ttftMs: 35,
    prefillMs: 30,
    prefillTokensPerSecond: 700,
    decodeMs: 100,
    decodeTokensPerSecond: 84.2,
  };

  it("says speed, wait, what was cached and how full the context is", () => {
    const usage = { promptTokens: 1231, cachedTokens: 1210, completionTokens: 12 };
    const line = replyLine({ text: "", finishReason: "stop", usage, timings }, { used: 1243, length: 4096 });
    expect(line).toBe(
      "12 tokens · 84.2 tok/s · first after 35 ms · cached 1,210/1,231 · context 1,243/4,096",
    );
  });

  it("says that a reply was stopped before anything was read", () => {
    const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
    const none = { ...timings, decodeTokensPerSecond: 0 };
    const line = replyLine(
      { text: "", finishReason: "aborted", usage, timings: none },
      { used: 0, length: 10 },
    );
    expect(line).toBe("stopped · 0 tokens · context 0/10");
  });
});

describe("printable", () => {
  it("leaves text alone, line feeds and tabs included", () => {
    expect(printable("Grüße,\n\t世界 🎼")).toBe("Grüße,\n\t世界 🎼");
  });

  it("lets nothing through that steers a terminal", () => {
    const shown = printable("\u001b[2Ja\u0000b\rc\u007fd\u009b31me\u0007");
    expect(shown).toBe("␛[2Ja␀b␍c␡d\uFFFD31me␇");
  });
});

describe("help", () => {
  const texts = [
    ["rondo", mainHelp(all, "1.2.3")],
    ...all.map((command) => [command.name, commandHelp(command)]),
  ];

  it.each(texts)("of %s fits a terminal and has examples", (_name, text = "") => {
    expect(text.split("\n").filter((line) => line.length > LINE_WIDTH)).toEqual([]);
    expect(text.split("Examples\n")[1]?.match(/^ {2}rondo /gm)?.length).toBeGreaterThanOrEqual(2);
  });

  it("lists every command and every variable of the environment", () => {
    const text = mainHelp(all, "1.2.3");
    for (const word of [
      ...commands.names,
      "RONDO_MODEL",
      "RONDO_THREADS",
      "RONDO_DEBUG",
      "NO_COLOR",
      "1.2.3",
    ]) {
      expect(text).toContain(word);
    }
  });

  it.each(all)("of $name explains every option", (command) => {
    const text = commandHelp(command);
    for (const [name, { type, description = "" }] of Object.entries(command.args)) {
      if (type !== "positional") expect(text).toMatch(new RegExp(`^ {2}.*--${name}\\b`, "m"));
      expect(description.length).toBeGreaterThan(10);
    }
  });
});
