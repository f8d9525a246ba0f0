import type { SamplingParameters } from "../../core/sampling-parameters.ts";
import type { SamplingHistory } from "./adjustments.ts";
import { uniform } from "./random.ts";

interface Entry {
  readonly id: number;
  readonly logit: number;
}

/** The logits after penalties and bias, one after the other over the whole vocabulary. */
export function adjustedLogits(
  logits: Float32Array,
  { tokens, replyStart }: SamplingHistory,
  parameters: SamplingParameters,
): readonly number[] {
  const all = Array.from(tokens);
  const { repetitionWindow, repetitionPenalty, frequencyPenalty, presencePenalty, logitBias } = parameters;
  const recent = new Set(repetitionWindow === 0 ? [] : all.slice(-repetitionWindow));
  const reply = all.slice(replyStart);
  return Array.from(logits, (logit, id) => {
    let adjusted = logit;
    if (recent.has(id)) {
      adjusted = Math.fround(adjusted > 0 ? adjusted / repetitionPenalty : adjusted * repetitionPenalty);
    }
    const count = reply.filter((token) => token === id).length;
    if (count > 0) adjusted = Math.fround(adjusted - count * frequencyPenalty - presencePenalty);
    return Math.fround(adjusted + (logitBias[id] ?? 0));
  });
}

/** The probabilities the sampler must draw from, by id. Sorts everything at each step, as one would write it down. */
export function referenceDistribution(
  logits: Float32Array,
  history: SamplingHistory,
  parameters: SamplingParameters,
): ReadonlyMap<number, number> {
  const { temperature, topK, topP, minP } = parameters;
  const sorted: Entry[] = adjustedLogits(logits, history, parameters)
    .map((logit, id) => ({ id, logit }))
    .sort((a, b) => b.logit - a.logit || a.id - b.id);
  const max = sorted[0]?.logit ?? 0;
  if (temperature === 0) return new Map([[sorted[0]?.id ?? -1, 1]]);

  let kept = topK > 0 ? sorted.slice(0, topK) : sorted;
  if (topP < 1) kept = untilMass(kept, topP, max);
  if (minP > 0) kept = kept.filter(({ logit }) => logit >= max + Math.log(minP));

  const weights = kept
    .map(({ id, logit }) => ({ id, weight: Math.exp((logit - max) / temperature) }))
    .sort((a, b) => a.id - b.id);
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(weights.map(({ id, weight }) => [id, weight / total]));
}

function untilMass(sorted: readonly Entry[], mass: number, max: number): Entry[] {
  const weights = sorted.map(({ logit }) => Math.exp(logit - max));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const length = weights.findIndex((weight) => {
    sum += weight;
    return sum >= mass * total;
  });
  return sorted.slice(0, length < 0 ? sorted.length : length + 1);
}

/** The token at which the distribution's running sum, by ascending id, passes the seed's number for this place. */
export function referenceToken(
  distribution: ReadonlyMap<number, number>,
  seed: number,
  replyLength: number,
): number {
  let rest = uniform(seed, replyLength);
  let chosen = -1;
  for (const [id, probability] of distribution) {
    if (probability === 0) continue;
    chosen = id;
    rest -= probability;
    if (rest < 0) break;
  }
  return chosen;
}
