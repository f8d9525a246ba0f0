import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const demo = fileURLToPath(new URL("../models/rondo-demo.gguf", import.meta.url));

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await TemporaryDirectory.create();
});
afterAll(() => directory[Symbol.asyncDispose]());

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `rondo` that runs, its stdin open. */
class Running {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  #stdout = "";
  #stderr = "";

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
      cwd: root,
      env: { ...process.env, RONDO_THREADS: "1", RONDO_MODEL: "", RONDO_DEBUG: "", ...environment },
    });
    this.process.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    // A process that has ended already takes no more input.
    this.process.stdin.on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.process.on("close", (status) => resolve({ status, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  /** Resolves once `condition` holds for what was written to stdout so far. */
  async until(condition: (stdout: string) => boolean): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!condition(this.#stdout)) {
      if (performance.now() > deadline || this.process.exitCode !== null) {
        this.process.kill("SIGKILL");
        throw new Error(`stdout was ${JSON.stringify(this.#stdout)}, stderr ${JSON.stringify(this.#stderr)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function run(args: readonly string[], input = "", environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const running = new Running(args, environment);
  running.process.stdin.end(input);
  return running.ended;
}

function lastLine(text: string): unknown {
  return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
}

const GENERATE = ["generate", "--prompt", "My cat is called Miso."];
/** Makes all tokens about equally likely, whatever the model, so that a reply goes on for a thousand or so. */
const LONG = ["--temperature", "1000", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--seed", "3"];

describe("rondo generate", () => {
  it("ends with one JSON document, the same again for the same seed", async () => {
    const args = [...GENERATE, ...LONG, "--max-tokens", "8", "--json"];
    const [first, second, other] = await Promise.all([
      run(args),
      run(args),
      run(args.map((arg) => (arg === "3" ? "4" : arg))),
    ]);
    expect(first.status).toBe(0);
    expect(first.stderr).toBe("");
    const document = lastLine(first.stdout) as { text: string; usage: { completionTokens: number } };
    expect(document).toEqual({
      text: expect.any(String),
      finishReason: expect.stringMatching(/^(stop|length)$/),
      usage: { promptTokens: expect.any(Number), cachedTokens: 0, completionTokens: expect.any(Number) },
      timings: expect.objectContaining({ ttftMs: expect.any(Number), loadMs: expect.any(Number) }),
      model: demo,
      seed: 3,
    });
    expect(document.usage.completionTokens).toBeGreaterThan(0);
    expect(document.usage.completionTokens).toBeLessThanOrEqual(8);
    expect((lastLine(second.stdout) as { text: string }).text).toBe(document.text);
    const { text, seed } = lastLine(other.stdout) as { text: string; seed: number };
    expect(seed).toBe(4);
    expect(text).not.toBe(document.text);
  });

  it("streams the text to stdout, with the prompt from stdin, and cuts at a stop text", async () => {
    const args = ["generate", "--prompt", "-", ...LONG, "--max-tokens", "8"];
    const whole = await run(args, "My cat is called Miso.\n");
    expect(whole).toMatchObject({ status: 0, stderr: "" });
    const text = whole.stdout.slice(0, -1);
    const stop = [...text].slice(2, 4).join("");
    const cut = await run([...args, "--stop", "no such text", "--stop", stop], "My cat is called Miso.\n");
    expect(cut.stdout).toBe(`${text.slice(0, text.indexOf(stop))}\n`);
  });

  it("keeps what was written when it is interrupted, and says so in its status", async () => {
    const running = new Running([...GENERATE, ...LONG]);
    await running.until((stdout) => stdout.length > 10);
    running.process.kill("SIGINT");
    const { status, stdout, stderr } = await running.ended;
    expect({ status, stderr }).toEqual({ status: 130, stderr: "" });
    expect(stdout.endsWith("\n")).toBe(true);
  });

  it("stops without complaint when nobody reads any more", async () => {
    const running = new Running([...GENERATE, ...LONG]);
    await running.until((stdout) => stdout.length > 10);
    running.process.stdout.destroy();
    expect(await running.ended).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("rondo inspect", () => {
  it("describes the demo model as JSON", async () => {
    const { status, stdout } = await run(["inspect", "--json"]);
    expect(status).toBe(0);
    expect(lastLine(stdout)).toMatchObject({
      path: demo,
      isSupported: true,
      unsupported: [],
      architecture: "llama",
      numLayers: expect.any(Number),
      kvBytesPer1000Tokens: expect.any(Number),
      chatTemplate: expect.stringContaining("messages"),
    });
  });
});

describe("rondo chat", () => {
  it("answers each line of a pipe, reads no token twice, and ends with the input", async () => {
    const input = "My cat is called Miso.\n\n/clear\nI live in Oslo.\nWhat is my cat called?";
    const { status, stdout, stderr } = await run(
      ["chat", "--max-tokens", "6", "--seed", "7", "--json"],
      input,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { turns } = lastLine(stdout) as {
      turns: readonly { question: string; text: string; usage: Record<string, number> }[];
    };
    expect(turns.map(({ question }) => question)).toEqual([
      "My cat is called Miso.",
      "I live in Oslo.",
      "What is my cat called?",
    ]);
    const [first, second, third] = turns.map(({ usage }) => usage);
    expect([first?.["cachedTokens"], second?.["cachedTokens"]]).toEqual([0, 0]);
    const told = (second?.["promptTokens"] ?? 0) + (second?.["completionTokens"] ?? 0);
    expect(third?.["cachedTokens"]).toBeGreaterThanOrEqual(told - 1);
    const shown = turns.map(({ text }) => (text.endsWith("\n") ? text : `${text}\n`)).join("");
    expect(stdout.startsWith(shown)).toBe(true);
  });

  it("keeps an interrupted reply and goes on; a second interruption leaves", async () => {
    const args = ["chat", ...LONG, "--json"];
    const running = new Running(args);
    running.process.stdin.write("Tell me a story.\n");
    await running.until((stdout) => stdout.length > 10);
    running.process.kill("SIGINT");
    running.process.stdin.write("/system\nGo on.\n");
    // What /system prints tells that the first reply has ended.
    await running.until((stdout) => /There is no system prompt.\n.{10}/s.test(stdout));
    running.process.kill("SIGINT");
    const { status, stdout, stderr } = await running.ended;
    expect({ status, stderr }).toEqual({ status: 130, stderr: "" });
    const { turns } = lastLine(stdout) as {
      turns: readonly { text: string; finishReason: string; usage: Record<string, number> }[];
    };
    expect(turns.map(({ finishReason }) => finishReason)).toEqual(["aborted", "aborted"]);
    expect(turns[0]?.text).not.toBe("");
    const [first, second] = turns.map(({ usage }) => usage);
    // Read back, the kept reply may take fewer tokens than were sampled, but it is there.
    const kept = (first?.["promptTokens"] ?? 0) + (first?.["completionTokens"] ?? 0) / 2;
    expect(second?.["promptTokens"]).toBeGreaterThan(kept);
  });
});

describe("rondo", () => {
  it("tells its version and its commands", async () => {
    const [version, help] = await Promise.all([run(["--version"]), run([])]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining("Usage: rondo COMMAND") });
  });

  it("refuses what it does not know and names what is near", async () => {
    const option = await run([...GENERATE, "--max-token", "5", "--json"]);
    expect(option.status).toBe(2);
    expect(option.stderr).toMatch(/--max-token: .*did you mean --max-tokens\? \[OPTION_UNKNOWN\]/);
    expect(lastLine(option.stdout)).toMatchObject({ error: { code: "OPTION_UNKNOWN" } });
  });

  it("takes the model from the environment, and shows the stack of an error when debugging", async () => {
    const path = directory.file("not-a-model.gguf");
    await writeFile(path, "no model at all");
    const { status, stderr } = await run(["inspect"], "", { RONDO_MODEL: path, RONDO_DEBUG: "1" });
    expect(status).toBe(1);
    expect(stderr).toContain("[MODEL_NOT_GGUF]");
    expect(stderr).toMatch(/^ +at .+reader\.ts/m);
  });
});
