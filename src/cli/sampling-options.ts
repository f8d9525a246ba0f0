import { RondoError } from "../core/errors.ts";
import {
  DEFAULT_SAMPLING,
  type SamplingParameters,
  samplingParameters,
} from "../core/sampling-parameters.ts";
import { readNumber } from "./number-option.ts";

interface SamplingOption {
  readonly type: "string";
  readonly valueHint: string;
  readonly description: string;
}

type SamplingFlag =
  | "temperature"
  | "top-k"
  | "top-p"
  | "min-p"
  | "repetition-penalty"
  | "repetition-window"
  | "frequency-penalty"
  | "presence-penalty"
  | "seed";

const PARAMETERS: Readonly<Record<SamplingFlag, keyof SamplingParameters>> = {
  temperature: "temperature",
  "top-k": "topK",
  "top-p": "topP",
  "min-p": "minP",
  "repetition-penalty": "repetitionPenalty",
  "repetition-window": "repetitionWindow",
  "frequency-penalty": "frequencyPenalty",
  "presence-penalty": "presencePenalty",
  seed: "seed",
};

/** The options of every command that writes replies. */
export const samplingOptions: Readonly<Record<SamplingFlag, SamplingOption>> = {
  temperature: option("0 always takes the likeliest token, more is more varied", "temperature"),
  "top-k": option("Keep the N likeliest tokens; 0 keeps all", "topK"),
  "top-p": option("Keep the fewest tokens with this probability together, 0 to 1", "topP"),
  "min-p": option("Keep tokens this probable beside the likeliest, 0 to 1", "minP"),
  "repetition-penalty": option("Above 1 makes recent tokens less likely", "repetitionPenalty"),
  "repetition-window": option('Tokens that count as recent, or "all"', "repetitionWindow"),
  "frequency-penalty": option("Against tokens by how often the reply has them, -2 to 2", "frequencyPenalty"),
  "presence-penalty": option("Against tokens that the reply has already, -2 to 2", "presencePenalty"),
  seed: {
    type: "string",
    valueHint: "N",
    description: "Same seed, same reply (default: a new one each time)",
  },
};

function option(description: string, parameter: keyof SamplingParameters): SamplingOption {
  const withDefault = `${description} (default: ${DEFAULT_SAMPLING[parameter]})`;
  return { type: "string", valueHint: "N", description: withDefault };
}

/** @throws RondoError `OPTION_INVALID` naming the option at fault. */
export function readSampling(
  args: Readonly<Partial<Record<SamplingFlag, string | undefined>>>,
): Partial<SamplingParameters> {
  return Object.assign(
    {},
    ...(Object.keys(PARAMETERS) as SamplingFlag[]).map((flag) => readParameter(flag, args[flag])),
  );
}

/** The engine checks ranges itself; here it does so before a model is loaded, and in the option's name. */
function readParameter(flag: SamplingFlag, text: string | undefined): Partial<SamplingParameters> {
  const isAll = flag === "repetition-window" && text === "all";
  const value = isAll ? Number.POSITIVE_INFINITY : readNumber(flag, text);
  if (value === undefined) return {};
  const parameter = PARAMETERS[flag];
  const given = { [parameter]: value };
  try {
    samplingParameters(given);
    return given;
  } catch (cause) {
    const message = (cause as Error).message.replace(`setting ${parameter}`, `reading the option --${flag}`);
    throw new RondoError("OPTION_INVALID", message, { cause });
  }
}
