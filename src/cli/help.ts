import type { ArgDef } from "citty";
import { ENVIRONMENT } from "../core/config.ts";
import { flagsOf } from "./arguments.ts";
import type { Command, Example } from "./command.ts";

const LINE_WIDTH = 80;
const INDENT = 2;
const COLUMN_WIDTH = 27;

type Row = readonly [term: string, text: string];

/** What `rondo --help` says. */
export function mainHelp(commands: readonly Command[], version: string): string {
  return sections(
    `rondo ${version}: LLM inference for long conversations.`,
    "Usage: rondo COMMAND [options]",
    table(
      "Commands",
      commands.map(({ name, summary }): Row => [name, summary]),
    ),
    wrap(
      "Every command uses the demo model that comes with Rondo unless one is named, and explains its options with " +
        "rondo COMMAND --help.",
      0,
    ),
    table("Options", [
      ["-h, --help", "Show this"],
      ["-v, --version", "Show the version"],
    ]),
    table("Environment", Object.entries(ENVIRONMENT)),
    exampleList([
      { line: "rondo chat", does: "talk with the demo model" },
      { line: "rondo chat -m FILE.gguf", does: "talk with another one" },
      { line: "rondo inspect FILE.gguf", does: "see what a model file holds" },
    ]),
    wrap(
      "Exit status: 0; 1 when something failed; 2 for wrong usage; 128 and the signal's number where one ended it.",
      0,
    ),
  );
}

/** What `rondo COMMAND --help` says. */
export function commandHelp({ name, summary, details, args, repeatable = [], examples }: Command): string {
  const all = Object.entries(args);
  const positionals = all.filter(([, { type }]) => type === "positional");
  const options = all.filter(([, { type }]) => type !== "positional");
  const needed = options.filter(([, { required }]) => required === true);
  const usage = [
    `Usage: rondo ${name}`,
    ...needed.map(([option, definition]) => `--${option}${hint(definition)}`),
    ...positionals.map(([, { valueHint = "FILE" }]) => `[${valueHint}]`),
    "[options]",
  ];
  return sections(
    `${summary}.`,
    usage.join(" "),
    details === undefined ? "" : wrap(details, 0),
    table(
      "Arguments",
      positionals.map(([, { valueHint = "FILE", description = "" }]): Row => [valueHint, description]),
    ),
    table("Options", [
      ...options.map(
        ([option, definition]): Row => [
          `${flagsOf(option, definition).join(", ")}${hint(definition)}${repeatable.includes(option) ? " ..." : ""}`,
          definition.description ?? "",
        ],
      ),
      ["-h, --help", "Show this"],
    ]),
    exampleList(examples),
  );
}

function hint(definition: ArgDef): string {
  return definition.valueHint === undefined ? "" : ` ${definition.valueHint}`;
}

function exampleList(examples: readonly Example[]): string {
  const lines = examples.map(({ line, does }) => `  ${line}\n      ${does}`);
  return `Examples\n${lines.join("\n")}`;
}

function table(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  return `${title}\n${rows.map(tableRow).join("\n")}`;
}

/** The term, and its text beside it, or below where the term is long. */
function tableRow([term, text]: Row): string {
  const left = `${" ".repeat(INDENT)}${term}`;
  const wrapped = wrap(text, COLUMN_WIDTH);
  return left.length + INDENT > COLUMN_WIDTH
    ? `${left}\n${" ".repeat(COLUMN_WIDTH)}${wrapped}`
    : `${left.padEnd(COLUMN_WIDTH)}${wrapped}`;
}

/** Breaks `text` between words; lines after the first are indented. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LINE_WIDTH - indent) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

function sections(...parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
