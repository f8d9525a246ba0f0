import { RondoError } from "./errors.ts";

/** What the environment says about how Rondo runs; options of a command go before it. */
export interface Config {
  /** Path of the model file for commands that name none. */
  readonly modelPath: string | undefined;
  /** Threads that compute. */
  readonly threads: number | undefined;
  /** Whether errors come with their stack. */
  readonly isDebug: boolean;
  /** Whether a terminal may be given colours. */
  readonly allowsColor: boolean;
}

/** The variables that are read, each with what it does, for help texts. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  RONDO_MODEL: "Path of the model file to use where none is named",
  RONDO_THREADS: "Threads that compute, 1 to 512 (default: the physical cores)",
  RONDO_DEBUG: "1 shows the stack of an error",
  NO_COLOR: "Any value turns colours off",
};

const MAX_THREADS = 512;

/**
 * Reads the environment. An empty variable counts as unset.
 *
 * @throws RondoError `OPTION_INVALID` naming the variable that makes no sense.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const get = (name: string): string | undefined => environment[name] || undefined;
  return {
    modelPath: get("RONDO_MODEL"),
    threads: readThreads(get("RONDO_THREADS")),
    isDebug: readSwitch("RONDO_DEBUG", get("RONDO_DEBUG")),
    allowsColor: get("NO_COLOR") === undefined && get("TERM") !== "dumb",
  };
}

function readThreads(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const threads = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (threads >= 1 && threads <= MAX_THREADS) return threads;
  throw invalid("RONDO_THREADS", text, `an integer from 1 to ${MAX_THREADS}`);
}

function readSwitch(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "0" || text === "false") return false;
  if (text === "1" || text === "true") return true;
  throw invalid(name, text, "1 or 0");
}

function invalid(name: string, text: string, expected: string): RondoError {
  return new RondoError(
    "OPTION_INVALID",
    `reading the environment: ${name} is ${JSON.stringify(text)}, it must be ${expected}; change or unset it`,
  );
}
