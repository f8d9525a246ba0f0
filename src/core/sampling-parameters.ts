import { RondoError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";

/** How the next token is chosen from the model's logits; see `src/engine/sampling/sampler.ts` for the order. */
export interface SamplingParameters {
  /** Below 1 prefers likely tokens more, above 1 less; 0 always takes the likeliest. */
  readonly temperature: number;
  /** Keeps this many likeliest tokens; 0 keeps all. */
  readonly topK: number;
  /** Keeps the fewest likeliest tokens that together have this probability; 1 keeps all. */
  readonly topP: number;
  /** Keeps tokens at least this probable relative to the likeliest; 0 keeps all. */
  readonly minP: number;
  /**
   * Divides positive logits of recent tokens by this and multiplies negative ones, as llama.cpp does;
   * 1 changes nothing.
   */
  readonly repetitionPenalty: number;
  /** How many of the last tokens, prompt included, count as recent; `Infinity` for all. */
  readonly repetitionWindow: number;
  /** Taken off a token's logit for each time the reply holds it, as in the OpenAI API. From -2 to 2. */
  readonly frequencyPenalty: number;
  /** Taken off a token's logit once if the reply holds it, as in the OpenAI API. From -2 to 2. */
  readonly presencePenalty: number;
  /** Added to the logits of the tokens named by id. From -100 to 100, which in effect bans or forces a token. */
  readonly logitBias: Readonly<Record<string, number>>;
  /** Same seed, same history, same choice. Undefined: a new one each time. Any safe integer. */
  readonly seed: number | undefined;
  /** How many likeliest tokens to report with their log-probabilities beside the chosen one; undefined: none at all. */
  readonly topLogprobs: number | undefined;
}

export const DEFAULT_SAMPLING: SamplingParameters = {
  temperature: 0.7,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repetitionPenalty: 1,
  repetitionWindow: 64,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: {},
  seed: undefined,
  topLogprobs: undefined,
};

/** What is wrong with a value, as "must be …"; undefined where nothing is. */
type Check = (value: unknown) => string | undefined;

const CHECKS: Readonly<Record<keyof SamplingParameters, Check>> = {
  temperature: numberFrom(0),
  topK: integerFrom(0),
  topP: numberFrom(0, 1),
  minP: numberFrom(0, 1),
  repetitionPenalty: (value) =>
    isFiniteNumber(value) && value > 0 ? undefined : "must be a number greater than 0",
  repetitionWindow: (value) =>
    value === Number.POSITIVE_INFINITY ? undefined : integerFrom(0)(value)?.concat(" or Infinity"),
  frequencyPenalty: numberFrom(-2, 2),
  presencePenalty: numberFrom(-2, 2),
  logitBias: checkLogitBias,
  seed: optional((value) => (Number.isSafeInteger(value) ? undefined : "must be a safe integer")),
  topLogprobs: optional(integerFrom(0, 20)),
};

/**
 * The parameters of `input`, the defaults for those it leaves out or undefined.
 *
 * @throws RondoError `OPTION_UNKNOWN` for a name that is none, with the nearest that is, `OPTION_INVALID` for a
 * value out of range.
 */
export function samplingParameters(
  input: Readonly<Partial<Record<string, unknown>>> = {},
): SamplingParameters {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(input)) {
    if (!isParameter(name)) throw unknownParameter(name);
    if (value === undefined) continue;
    const wrong = CHECKS[name](value);
    if (wrong !== undefined) {
      throw new RondoError("OPTION_INVALID", `setting ${name}: ${wrong}, but is ${show(value)}`);
    }
    given[name] = value;
  }
  return { ...DEFAULT_SAMPLING, ...given };
}

function isParameter(name: string): name is keyof SamplingParameters {
  return Object.hasOwn(CHECKS, name);
}

function unknownParameter(name: string): RondoError {
  const known = Object.keys(CHECKS);
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `known are ${known.join(", ")}` : `did you mean ${nearest}?`;
  return new RondoError("OPTION_UNKNOWN", `setting ${name}: there is no such sampling parameter; ${hint}`);
}

function numberFrom(min: number, max = Number.POSITIVE_INFINITY): Check {
  const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
  return (value) =>
    isFiniteNumber(value) && value >= min && value <= max ? undefined : `must be a number ${range}`;
}

function integerFrom(min: number, max: number = Number.MAX_SAFE_INTEGER): Check {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return (value) =>
    Number.isSafeInteger(value) && isFiniteNumber(value) && value >= min && value <= max
      ? undefined
      : `must be an integer ${range}`;
}

function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

function checkLogitBias(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "must be an object from token ids to biases";
  }
  for (const [token, bias] of Object.entries(value)) {
    if (!/^\d{1,9}$/.test(token)) return `must have token ids as keys, not "${token}"`;
    if (numberFrom(-100, 100)(bias) !== undefined)
      return `must hold biases from -100 to 100, not ${show(bias)}`;
  }
  return undefined;
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
