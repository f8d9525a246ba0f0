import { basename } from "node:path";
import { isRondoError, RondoError } from "../core/errors.ts";
import { loadModel } from "../engine/load-model.ts";
import type { Model } from "../engine/model.ts";
import type { CommandContext } from "./command.ts";
import { demoModelPath } from "./demo-model.ts";
import { readInteger } from "./number-option.ts";
import { ProgressLine } from "./progress-line.ts";
import { printable } from "./terminal.ts";

interface ModelOption {
  readonly type: "string";
  readonly alias?: string;
  readonly valueHint: string;
  readonly description: string;
}

/** The options of every command that loads a model. */
export const modelOptions: Readonly<Record<"model", ModelOption & { readonly alias: string }>> &
  Readonly<Record<"threads" | "context", ModelOption>> = {
  model: {
    type: "string",
    alias: "m",
    valueHint: "FILE",
    description: "A GGUF file (default: RONDO_MODEL, else the demo model that comes with Rondo)",
  },
  threads: {
    type: "string",
    valueHint: "N",
    description: "Threads that compute (default: RONDO_THREADS, else the physical cores)",
  },
  context: {
    type: "string",
    valueHint: "TOKENS",
    description: "Tokens a conversation may hold (default, and at most: what the model was trained for)",
  },
};

export interface ModelArguments {
  readonly model?: string | undefined;
  readonly threads?: string | undefined;
  readonly context?: string | undefined;
}

const SHOW_PROGRESS_AFTER_MS = 250;

/** Which file a command is to use: the one it names, that of the environment, or the demo model. */
export function chooseModelPath(
  named: string | undefined,
  { config }: Pick<CommandContext, "config">,
): string {
  return named ?? config.modelPath ?? demoModelPath();
}

/** A model's file without folder and ending, as people call it. */
export function modelName(path: string): string {
  return printable(basename(path).replace(/\.gguf$/i, ""));
}

/**
 * Loads the model that the arguments name and shows how far it is.
 *
 * @throws RondoError `OPTION_INVALID` for arguments that do not fit, else as `loadModel`.
 */
export async function loadChosenModel(args: ModelArguments, context: CommandContext): Promise<Model> {
  const threads = readInteger("threads", args.threads, { min: 1, max: 512 }) ?? context.config.threads;
  const contextLength = readInteger("context", args.context, { min: 1 });
  const path = chooseModelPath(args.model, context);
  using progress = new ProgressLine(context.terminal, SHOW_PROGRESS_AFTER_MS);
  try {
    return await loadModel(path, {
      ...(threads === undefined ? {} : { threads }),
      ...(contextLength === undefined ? {} : { contextLength }),
      onProgress: (share) => progress.show(`loading ${modelName(path)} ${Math.floor(share * 100)} %`),
      signal: context.interruption.signal,
    });
  } catch (error) {
    if (error instanceof RangeError && !isRondoError(error)) {
      throw new RondoError("OPTION_INVALID", error.message, { cause: error });
    }
    throw error;
  }
}
