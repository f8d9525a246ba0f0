import { RondoError, type RondoErrorCode } from "../core/errors.ts";

/** An error about the model file at `path`, in the form all of them have. */
export function modelError(code: RondoErrorCode, path: string, why: string, cause?: unknown): RondoError {
  return new RondoError(code, `reading ${path}: ${why}`, cause === undefined ? {} : { cause });
}

/** Beside what JSON escapes: DEL, the C1 controls, line separators and what reverses the direction of text. */
const HIDDEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** How text out of a file is shown: quoted, control characters escaped, long ones cut. */
export function quoteName(name: string): string {
  const quoted = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
  return quoted.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
