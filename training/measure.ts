/**
 * Measures the recall of a model file on probes that training never saw, through the product itself, greedily.
 *
 *     npx tsx training/measure.ts MODEL.gguf [--questions 300] [--only KIND,KIND] [--threads N]
 *
 * Prints a table in Markdown; the last line is JSON.
 */
import { parseArgs } from "node:util";
import { loadModel, type Model } from "../src/index.ts";
import { drawProbe, type Probe, type ProbeKind } from "../src/lab/dialogues/probe.ts";
import { type Baselines, baselinesOf, scoreReply } from "../src/lab/dialogues/score.ts";

const CELLS: readonly (readonly [kind: ProbeKind, betweens: readonly number[]])[] = [
  ["one-fact", [1, 4, 16, 32, 64, 128]],
  ["changed-fact", [4, 32, 64]],
  ["two-facts", [4, 32, 64]],
  ["listed-facts", [4, 32, 64]],
  ["two-step", [4, 32, 64]],
  ["all-facts", [4, 32, 64]],
  ["everything", [4, 32]],
  ["preamble", [4, 32, 64]],
];

interface Cell extends Baselines {
  readonly kind: ProbeKind;
  readonly between: number;
  readonly questions: number;
  readonly right: number;
  readonly exact: number;
  readonly meanTokens: number;
}

async function measureCell(model: Model, kind: ProbeKind, between: number, questions: number): Promise<Cell> {
  const sums = {
    right: 0,
    exact: 0,
    meanTokens: 0,
    copyLast: 0,
    copyLastOfKind: 0,
    guess: 0,
    guessOfKind: 0,
  };
  for (let i = 0; i < questions; i++) {
    const probe = drawProbe(`measure/${i}`, { kind, between });
    const { text, numTokens } = await ask(model, probe);
    const { isRight, isExact } = scoreReply(probe, text);
    const one = {
      right: Number(isRight),
      exact: Number(isExact),
      meanTokens: numTokens,
      ...baselinesOf(probe),
    };
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += one[key] / questions;
  }
  return { kind, between, questions, ...sums };
}

async function ask(
  model: Model,
  { preamble, history, question }: Probe,
): Promise<{ text: string; numTokens: number }> {
  const messages = history.flatMap(({ user, assistant }) => [
    { role: "user", content: user.text },
    { role: "assistant", content: assistant.text },
  ]);
  const { system } = preamble;
  await using chat = model.createChat({
    ...(system === undefined ? {} : { system }),
    messages,
    sampling: { temperature: 0 },
  });
  const { text } = await chat.send(question.user.text, { maxTokens: 400 }).done;
  return { text, numTokens: chat.numTokens };
}

function row(cell: Cell): string {
  const percent = (share: number): string => (share * 100).toFixed(1);
  const shares = [
    cell.right,
    cell.exact,
    cell.copyLast,
    cell.copyLastOfKind,
    cell.guess,
    cell.guessOfKind,
  ].map(percent);
  return `| ${[cell.kind, cell.between, Math.round(cell.meanTokens), ...shares].join(" | ")} |`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      questions: { type: "string", default: "300" },
      only: { type: "string" },
      threads: { type: "string", default: "1" },
    },
  });
  const [path] = positionals;
  if (path === undefined) throw new TypeError("measure a model: no file named, give the path of a GGUF file");
  await using model = await loadModel(path, { threads: Number(values.threads) });
  console.log(
    "| question | rounds between | tokens | right % | exact % | copy last % | copy last of kind % | guess % | guess of kind % |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|");
  const cells: Cell[] = [];
  for (const [kind, betweens] of CELLS) {
    if (values.only !== undefined && !values.only.split(",").includes(kind)) continue;
    for (const between of betweens) {
      const cell = await measureCell(model, kind, between, Number(values.questions));
      cells.push(cell);
      console.log(row(cell));
    }
  }
  console.log(JSON.stringify({ model: path, decoding: "greedy", cells }));
}

await main();
