import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { RondoError } from "../core/errors.ts";
import { physicalCores } from "../ffi/ggml/threads.ts";
import { attentionKernel } from "../ffi/kernel/symbols.ts";
import { readGguf } from "../gguf/reader.ts";
import { NodeLlamaCppSubject } from "../lab/bench/node-llama-cpp-subject.ts";
import { RondoSubject } from "../lab/bench/rondo-subject.ts";
import { type BenchRow, runBench } from "../lab/bench/run-bench.ts";
import type { Subject } from "../lab/bench/subject.ts";
import { cachedRandomModel } from "../lab/random-model/random-model.ts";
import { type Command, type CommandContext, defineCommand } from "./command.ts";
import { modelName } from "./model-options.ts";
import { readInteger } from "./number-option.ts";
import { ProgressLine } from "./progress-line.ts";

const DEFAULT_CONTEXT = "512";
const DEFAULT_REPEATS = 5;
const PEERS = ["node-llama-cpp"];

/** `rondo bench`: speed on this machine, beside another engine in the same run. */
export const bench: Command = defineCommand({
  name: "bench",
  summary: "Measure speed on this machine",
  details:
    "Measures loading, reading and decoding at each context length: every engine in turn, after a warm-up, medians. " +
    "Without a model it makes a random one of Qwen2.5-0.5B's shape in Q4_0 (283 MB, kept in the temporary folder). " +
    "The last line of --json is one JSON document: ratios (the other engine's time over Rondo's, such as " +
    "decode@512:full), results (ms), conditions.",
  args: {
    model: {
      type: "string",
      alias: "m",
      valueHint: "FILE",
      description: "A GGUF file (default: a random model)",
    },
    context: {
      type: "string",
      valueHint: "A,B",
      description: `Context lengths to measure at, tokens (default: ${DEFAULT_CONTEXT})`,
    },
    compare: {
      type: "string",
      valueHint: "ENGINE",
      description: `Measure this engine in the same run: ${PEERS.join(", ")} (default: none)`,
    },
    repeats: {
      type: "string",
      valueHint: "N",
      description: `Rounds of measuring (default: ${DEFAULT_REPEATS})`,
    },
    attention: {
      type: "string",
      valueHint: "HOW",
      description: "kernel or ggml (default: kernel where it was built)",
    },
    threads: { type: "string", valueHint: "N", description: "Threads (default: the physical cores)" },
    json: { type: "boolean", description: "End with one JSON document" },
  },
  examples: [
    { line: "rondo bench --compare node-llama-cpp", does: "both engines at 512 tokens" },
    { line: "rondo bench -m FILE.gguf --context 512,4096 --json", does: "your model at two lengths" },
  ],
  run: async (args, context) => {
    const { terminal, interruption, config } = context;
    const threads =
      readInteger("threads", args.threads, { min: 1, max: 512 }) ?? config.threads ?? physicalCores();
    const repeats = readInteger("repeats", args.repeats, { min: 1, max: 1000 }) ?? DEFAULT_REPEATS;
    const contexts = readContexts(args.context ?? DEFAULT_CONTEXT);
    const attentionBackend = readAttention(args.attention);
    const subjects: Subject[] = [
      new RondoSubject({ threads, attentionBackend }),
      ...(args.compare === undefined ? [] : [peer(args.compare, threads)]),
    ];
    const path = args.model ?? (await randomModel(context));
    const vocabularySize = (await readGguf(path)).metadata.strings("tokenizer.ggml.tokens").length;
    using progress = new ProgressLine(terminal, 0);
    const rows = await runBench(subjects, {
      path,
      vocabularySize,
      contexts,
      repeats,
      onProgress: (what) => progress.show(what),
      signal: interruption.signal,
    });
    progress.clear();
    const ratios = ratiosOf(rows);
    terminal.write(table(rows, ratios));
    const conditions = {
      model: modelName(path),
      threads,
      repeats,
      attention: attentionBackend,
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      node: process.version,
      date: new Date().toISOString(),
    };
    if (args.json === true) terminal.write(`${JSON.stringify({ ratios, results: rows, conditions })}\n`);
    return 0;
  },
});

function peer(name: string, threads: number): Subject {
  if (name === "node-llama-cpp") return new NodeLlamaCppSubject(threads);
  throw new RondoError(
    "OPTION_INVALID",
    `reading the option --compare: "${name}" is not one of ${PEERS.join(", ")}`,
  );
}

function readContexts(text: string): readonly number[] {
  return text.split(",").map((part) => readInteger("context", part.trim(), { min: 1, max: 2 ** 20 }) ?? 1);
}

function readAttention(text: string | undefined): "kernel" | "ggml" {
  if (text === undefined) return attentionKernel() === undefined ? "ggml" : "kernel";
  if (text === "kernel" || text === "ggml") return text;
  throw new RondoError(
    "OPTION_INVALID",
    `reading the option --attention: "${text}" is neither kernel nor ggml`,
  );
}

async function randomModel({ terminal, interruption }: CommandContext): Promise<string> {
  using progress = new ProgressLine(terminal, 0);
  progress.show("making a random model of Qwen2.5-0.5B's shape");
  const directory = join(tmpdir(), "rondo-bench");
  return cachedRandomModel("qwen2.5-0.5b", "Q4_0", directory, { signal: interruption.signal });
}

/** The other engine's median over Rondo's, by metric: above 1 Rondo is faster. */
function ratiosOf(rows: readonly BenchRow[]): Readonly<Record<string, number>> {
  const medians = (subject: (name: string) => boolean): Map<string, number> =>
    new Map(rows.filter((row) => subject(row.subject)).map(({ metric, ms }) => [metric, ms.median]));
  const ours = medians((name) => name === "rondo");
  const theirs = medians((name) => name !== "rondo");
  return Object.fromEntries(
    [...theirs].map(([metric, ms]) => [
      metric,
      Math.round((1000 * ms) / (ours.get(metric) ?? Number.NaN)) / 1000,
    ]),
  );
}

function table(rows: readonly BenchRow[], ratios: Readonly<Record<string, number>>): string {
  const lines = [["", "engine", "median ms", "min", "max", "ratio"]];
  for (const { subject, metric, ms } of rows) {
    const ratio = subject === "rondo" ? (ratios[metric]?.toFixed(2) ?? "") : "";
    lines.push([metric, subject, ms.median.toFixed(1), ms.min.toFixed(1), ms.max.toFixed(1), ratio]);
  }
  const widths =
    lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const pad = (cell: string, column: number): string =>
    column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return `${lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n")}\n`;
}
