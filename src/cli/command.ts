import { type ArgsDef, type ParsedArgs, parseArgs } from "citty";
import type { Config } from "../core/config.ts";
import { checkArguments, type RepeatedValues } from "./arguments.ts";
import type { Interruption } from "./interruption.ts";
import type { Terminal } from "./terminal.ts";

/** A command line and what it does, for help texts. */
export interface Example {
  readonly line: string;
  readonly does: string;
}

/** What a command is given beside its arguments. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly config: Config;
  readonly interruption: Interruption;
}

/** A command of `rondo`: one file, and one line in commands.ts. */
export interface Command {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** More about it, where a line does not do. */
  readonly details?: string;
  readonly args: ArgsDef;
  /** Options that may be given more than once. */
  readonly repeatable?: readonly string[];
  readonly examples: readonly Example[];
  /**
   * Checks the arguments, then runs. Answers with the exit status.
   *
   * @throws RondoError `OPTION_UNKNOWN` or `OPTION_INVALID` for wrong arguments, and what the command throws.
   */
  run(rawArgs: readonly string[], context: CommandContext): Promise<number>;
}

export interface CommandSource<Args extends ArgsDef> extends Omit<Command, "args" | "run"> {
  readonly args: Args;
  readonly run: (args: ParsedArgs<Args>, context: CommandContext & RepeatedContext) => Promise<number>;
}

interface RepeatedContext {
  readonly repeated: RepeatedValues;
}

/** A command whose `run` gets its arguments checked and typed after `args`. */
export function defineCommand<const Args extends ArgsDef>(source: CommandSource<Args>): Command {
  return {
    ...source,
    run: async (rawArgs, context) => {
      const repeated = checkArguments(rawArgs, source.args, source.repeatable);
      return source.run(parseArgs<Args>([...rawArgs], source.args), { ...context, repeated });
    },
  };
}
