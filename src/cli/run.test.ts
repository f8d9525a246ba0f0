import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { runCli } from "./run.ts";
import type { TerminalStreams } from "./terminal.ts";

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], input = ""): Promise<Ended> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const status = await runCli(args, { stdin, stdout, stderr } as unknown as TerminalStreams);
  const read = (stream: PassThrough): string => (stream.read() ?? "").toString();
  return { status, stdout: read(stdout), stderr: read(stderr) };
}

const GENERATE = ["generate", "--threads", "1", "--prompt", "My cat is called Miso.", "--json"];

describe("runCli", () => {
  it.each([[["--help"]], [["-h"]], [["help"]], [[]]])("lists the commands for %j", async (args) => {
    const { status, stdout, stderr } = await run(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("Usage: rondo COMMAND");
  });

  it.each([[["help", "chat"]], [["chat", "--help"]], [["chat", "--nonsense", "-h"]]])(
    "explains a command for %j, and does not run it",
    async (args) => {
      const { status, stdout } = await run(args);
      expect(status).toBe(0);
      expect(stdout).toContain("Usage: rondo chat");
    },
  );

  it.each([
    ["genrate", '"generate"?'],
    ["--versoin", "--help"],
    ["toString", "--help"],
  ])("refuses the command %s", async (name, hint) => {
    const { status, stdout, stderr } = await run([name]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(hint);
  });

  it.each([
    ["a file that is not there", [...GENERATE, "-m", "none.gguf"], 1, "MODEL_NOT_FOUND"],
    ["a file that is no model", ["inspect", "package.json", "--json"], 1, "MODEL_NOT_GGUF"],
    ["an empty prompt", ["generate", "--prompt=", "--json"], 1, "PROMPT_EMPTY"],
    ["an empty standard input", ["generate", "--prompt", "-", "--json"], 1, "PROMPT_EMPTY"],
    ["no tokens at all", [...GENERATE, "--max-tokens", "0"], 2, "OPTION_INVALID"],
    ["more context than the model has", [...GENERATE, "--context", "999999999"], 2, "OPTION_INVALID"],
    ["a prompt longer than the context", [...GENERATE, "--context", "4"], 1, "CONTEXT_FULL"],
    ["an option that there is not", [...GENERATE, "--temprature", "1"], 2, "OPTION_UNKNOWN"],
  ])("answers %s with its code, for people and for programs", async (_what, args, status, code) => {
    const ended = await run(args);
    expect(ended.status).toBe(status);
    expect(ended.stderr).toMatch(new RegExp(`^rondo: .+ \\[${code}\\]$`, "m"));
    expect(ended.stderr).not.toMatch(/^ +at /m);
    expect(ended.stdout.split("\n")).toHaveLength(2);
    expect(JSON.parse(ended.stdout)).toEqual({ error: { code, message: expect.any(String) } });
  });

  it("leaves no listeners behind", async () => {
    const before = process.listenerCount("SIGINT");
    await run(["--version"]);
    await run(["inspect", "none.gguf"]);
    expect(process.listenerCount("SIGINT")).toBe(before);
  });

  it("prints the whole chat template", async () => {
    const { status, stdout } = await run(["inspect", "--template"]);
    expect(status).toBe(0);
    expect(stdout).toContain("add_generation_prompt");
  });
});
