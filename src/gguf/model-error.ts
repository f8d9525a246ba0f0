import { RondoError, type RondoErrorCode } from "../core/errors.ts";

/** An error about the model file at `path`, in the form all of them have. */
export function modelError(code: RondoErrorCode, path: string, why: string, cause?: unknown): RondoError {
  return new RondoError(code, `reading ${path}: ${why}`, cause === undefined ? {} : { cause });
}

/** How a name out of a file is shown: quoted, control characters escaped, long ones cut. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
