import type { ArgDef, ArgsDef } from "citty";
import { RondoError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";

/** The values of each option that may be given more than once, in their order. */
export type RepeatedValues = ReadonlyMap<string, readonly string[]>;

interface Option {
  readonly name: string;
  readonly definition: ArgDef;
}

/**
 * Refuses what citty lets pass in silence: unknown options, options without their value, options given twice,
 * too many arguments, missing ones.
 *
 * @throws RondoError `OPTION_UNKNOWN`, `OPTION_INVALID`.
 */
export function checkArguments(
  rawArgs: readonly string[],
  args: ArgsDef,
  repeatable: readonly string[] = [],
): RepeatedValues {
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (let i = 0; i < rawArgs.length; i++) {
    const arg = rawArgs[i] ?? "";
    if (arg === "--") {
      positionals.push(...rawArgs.slice(i + 1));
      break;
    }
    if (arg === "-" || !arg.startsWith("-")) {
      positionals.push(arg);
      continue;
    }
    const [flag, inline] = splitInline(arg);
    const option = findOption(args, flag);
    const takesValue = option.definition.type !== "boolean";
    const value = takesValue ? (inline ?? nextValue(rawArgs[++i], flag, args)) : noValue(flag, inline);
    const earlier = values.get(option.name) ?? [];
    if (earlier.length > 0 && !repeatable.includes(option.name)) throw invalid(flag, "it is given twice");
    values.set(option.name, [...earlier, value]);
  }
  checkPositionals(positionals, args);
  checkRequired(values, args);
  return new Map(repeatable.map((name) => [name, values.get(name) ?? []]));
}

/** Splits `--name=value`; short options take their value as the next argument only. */
function splitInline(arg: string): readonly [string, string | undefined] {
  const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

function findOption(args: ArgsDef, flag: string): Option {
  for (const [name, definition] of Object.entries(args)) {
    if (flagsOf(name, definition).includes(flag)) return { name, definition };
  }
  const known = Object.entries(args).flatMap(([name, definition]) => flagsOf(name, definition));
  const nearest = nearestName(flag, ["--help", ...known]);
  const hint = nearest === undefined ? "--help lists those that there are" : `did you mean ${nearest}?`;
  throw new RondoError("OPTION_UNKNOWN", `reading the option ${flag}: there is none of that name; ${hint}`);
}

/** How an option may be written: `--name` and its one-letter aliases. */
export function flagsOf(name: string, definition: ArgDef): readonly string[] {
  if (definition.type === "positional" || !("alias" in definition)) {
    return definition.type === "positional" ? [] : [`--${name}`];
  }
  const { alias = [] } = definition;
  const short = (typeof alias === "string" ? [alias] : alias).map((letter) => `-${letter}`);
  return [...short, `--${name}`];
}

function nextValue(next: string | undefined, flag: string, args: ArgsDef): string {
  const isFlag = Object.entries(args).some(([name, definition]) =>
    flagsOf(name, definition).includes(next ?? ""),
  );
  if (next === undefined) throw invalid(flag, "it needs a value after it");
  if (isFlag || next.startsWith("--")) {
    throw invalid(
      flag,
      `it needs a value, and ${next} looks like an option; write ${flag}=${next} if it is none`,
    );
  }
  return next;
}

function noValue(flag: string, inline: string | undefined): string {
  if (inline !== undefined) throw invalid(flag, `it takes no value, but has "${inline}"`);
  return "";
}

function checkPositionals(positionals: readonly string[], args: ArgsDef): void {
  const numAllowed = Object.values(args).filter(({ type }) => type === "positional").length;
  const extra = positionals[numAllowed];
  if (extra === undefined) return;
  const what = numAllowed === 0 ? "this command takes options only" : `at most ${numAllowed} can be given`;
  throw new RondoError(
    "OPTION_INVALID",
    `reading the argument "${extra}": ${what}; quote texts that hold spaces`,
  );
}

function checkRequired(values: ReadonlyMap<string, unknown>, args: ArgsDef): void {
  for (const [name, { type, required }] of Object.entries(args)) {
    if (required === true && type !== "positional" && !values.has(name)) {
      throw new RondoError("OPTION_INVALID", `reading the options: --${name} is missing, and is needed`);
    }
  }
}

function invalid(flag: string, why: string): RondoError {
  return new RondoError("OPTION_INVALID", `reading the option ${flag}: ${why}`);
}
