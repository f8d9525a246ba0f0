import { inspect } from "node:util";
import { isRondoError, type RondoErrorCode } from "../core/errors.ts";
import { printable, type Terminal } from "./terminal.ts";

const FAILED = 1;
const WRONG_USAGE = 2;
const USAGE_CODES: readonly RondoErrorCode[] = ["OPTION_INVALID", "OPTION_UNKNOWN", "UNKNOWN_NAME"];

export interface ReportOptions {
  readonly isJson: boolean;
  readonly isDebug: boolean;
  /** The command line that explains what would have been right. */
  readonly help: string;
}

/** Tells a person, and with `isJson` a program, what went wrong. Answers with the exit status. */
export function reportError(
  error: unknown,
  terminal: Terminal,
  { isJson, isDebug, help }: ReportOptions,
): number {
  const { code, message } = describe(error);
  const isUsage = USAGE_CODES.some((usage) => usage === code);
  // Whoever pressed Ctrl-C knows.
  if (code !== "ABORTED") terminal.note(`rondo: ${printable(message)} [${code}]`);
  if (isUsage) terminal.note(`"${help}" shows what there is.`);
  if (isDebug) terminal.note(inspect(error));
  if (isJson) terminal.write(`${JSON.stringify({ error: { code, message } })}\n`);
  return isUsage ? WRONG_USAGE : FAILED;
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (isRondoError(error)) return { code: error.code, message: error.message };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    code: "INTERNAL",
    message: `an error that should not be: ${message}; run it with RONDO_DEBUG=1 and report what it shows`,
  };
}
