import { type Config, readConfig } from "../core/config.ts";
import { isRondoError } from "../core/errors.ts";
import { commands } from "./commands.ts";
import { commandHelp, mainHelp } from "./help.ts";
import { Interruption } from "./interruption.ts";
import { reportError } from "./report-error.ts";
import { Terminal, type TerminalStreams } from "./terminal.ts";
import { packageVersion } from "./version.ts";

const PLAIN: Config = { modelPath: undefined, threads: undefined, isDebug: false, allowsColor: false };

interface Environment {
  readonly config: Config;
  /** What is wrong with the environment; it matters once a command runs. */
  readonly fault?: unknown;
}

/** Runs `rondo` with these arguments and tells what went wrong. Answers with the exit status. */
export async function runCli(rawArgs: readonly string[], streams: TerminalStreams): Promise<number> {
  const { config, fault } = readEnvironment();
  const terminal = new Terminal(streams, config.allowsColor);
  using interruption = new Interruption();
  terminal.closed.addEventListener("abort", () => interruption.end());
  const [first = "--help", ...rest] = rawArgs;
  const topic = first === "help" ? rest[0] : first;
  try {
    const text = informationFor(first, rest);
    if (text !== undefined) {
      terminal.write(text);
      return 0;
    }
    const command = commands.get(first);
    if (fault !== undefined) throw fault;
    const status = await command.run(rest, { terminal, config, interruption });
    return interruption.exitStatus ?? status;
  } catch (error) {
    if (isRondoError(error, "ABORTED") && terminal.closed.aborted) return 0;
    const help =
      topic !== undefined && commands.find(topic) !== undefined ? `rondo ${topic} --help` : "rondo --help";
    const status = reportError(error, terminal, {
      isJson: rawArgs.includes("--json"),
      isDebug: config.isDebug,
      help,
    });
    return interruption.exitStatus ?? status;
  }
}

/** The text that is asked for with `--help`, `help` or `--version`; undefined where a command is to run. */
function informationFor(first: string, rest: readonly string[]): string | undefined {
  if (first === "--version" || first === "-v") return `${packageVersion()}\n`;
  const [topic] = rest;
  if (first === "help" && topic !== undefined) return commandHelp(commands.get(topic));
  if (first === "help" || isHelp(first)) {
    const all = commands.names.map((name) => commands.get(name));
    return mainHelp(all, packageVersion());
  }
  const options = rest.slice(0, rest.includes("--") ? rest.indexOf("--") : undefined);
  return options.some(isHelp) ? commandHelp(commands.get(first)) : undefined;
}

function readEnvironment(): Environment {
  try {
    return { config: readConfig() };
  } catch (fault) {
    return { config: PLAIN, fault };
  }
}

function isHelp(arg: string): boolean {
  return arg === "--help" || arg === "-h";
}
