import { likeliest, likeliestIds } from "./likeliest.ts";

/** A token and the natural logarithm of its probability. */
interface TokenLogprob {
  readonly token: number;
  readonly logprob: number;
}

/** The log-probability of a chosen token and of the likeliest tokens at its place, likeliest first. */
export interface TokenLogprobs extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/**
 * Log-softmax of the model's own logits, before bias, penalties and temperature, as vLLM and llama-server
 * report it: it says what the model thinks, whatever the sampler was told.
 *
 * @param logits `[vocabulary]` f32
 */
export function tokenLogprobs(logits: Float32Array, token: number, numTop: number): TokenLogprobs {
  const logTotal = logSumExp(logits);
  const withLogprob = (id: number): TokenLogprob => ({
    token: id,
    logprob: (logits[id] ?? Number.NaN) - logTotal,
  });
  return { ...withLogprob(token), top: likeliestIds(logits, numTop).map(withLogprob) };
}

function logSumExp(logits: Float32Array): number {
  const max = logits[likeliest(logits)] ?? Number.NaN;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) - max);
  return max + Math.log(sum);
}
