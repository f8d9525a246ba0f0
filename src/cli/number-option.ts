import { RondoError } from "../core/errors.ts";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export interface IntegerRange {
  readonly min: number;
  readonly max?: number;
}

/**
 * The number that an option holds, undefined where it was not given.
 *
 * @throws RondoError `OPTION_INVALID`
 */
export function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = NUMBER.test(text.trim()) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new RondoError("OPTION_INVALID", `reading the option --${name}: "${text}" is not a number`);
}

/** The same for a whole number within `range`, ends included. */
export function readInteger(
  name: string,
  text: string | undefined,
  { min, max = Number.MAX_SAFE_INTEGER }: IntegerRange,
): number | undefined {
  const value = readNumber(name, text);
  if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= max)) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new RondoError(
    "OPTION_INVALID",
    `reading the option --${name}: "${text}" is not a whole number ${range}`,
  );
}
