import { RondoError } from "../../core/errors.ts";
import type { SamplingParameters } from "../../core/sampling-parameters.ts";
import { Adjustments, type SamplingHistory } from "./adjustments.ts";
import { Candidates } from "./candidates.ts";
import { likeliest } from "./likeliest.ts";
import { type TokenLogprobs, tokenLogprobs } from "./logprobs.ts";
import { uniform } from "./random.ts";

/** A chosen token and, where asked for, how likely the model found it. */
export interface Sample {
  readonly token: number;
  readonly logprobs?: TokenLogprobs;
}

/**
 * Chooses tokens from logits, in the order of llama.cpp: repetition, frequency and presence penalties, logit
 * bias, top-k, top-p, min-p, temperature, then one draw. The candidates that are left are laid out by id, and
 * the draw is number `reply length` of the seed's sequence, so a choice depends on logits, history and seed
 * alone. At temperature 0 the largest logit after penalties and bias wins, the lower id where two are equal.
 */
export class Sampler {
  /** The seed in use, drawn at random where none was asked for: giving it again repeats the reply. */
  readonly seed: number;
  readonly #parameters: SamplingParameters;
  readonly #vocabularySize: number;
  readonly #adjustments: Adjustments;
  readonly #candidates: Candidates;
  readonly #weights: Float64Array;

  /** @throws RangeError where a bias is for a token that the vocabulary does not have. */
  constructor(parameters: SamplingParameters, vocabularySize: number) {
    this.seed = parameters.seed ?? Math.floor(Math.random() * 2 ** 32);
    this.#parameters = parameters;
    this.#vocabularySize = vocabularySize;
    this.#adjustments = new Adjustments(parameters, vocabularySize);
    const numCandidates = parameters.temperature === 0 ? 0 : vocabularySize;
    this.#candidates = new Candidates(numCandidates);
    this.#weights = new Float64Array(numCandidates);
  }

  /**
   * @param logits `[vocabulary]` f32; changed meanwhile, as before afterwards.
   * @throws RondoError `BACKEND_FAILED` where no logit is a finite number.
   */
  sample(logits: Float32Array, history: SamplingHistory): Sample {
    if (logits.length !== this.#vocabularySize) {
      throw new RangeError(`logits: there are ${logits.length} for a vocabulary of ${this.#vocabularySize}`);
    }
    this.#adjustments.apply(logits, history);
    let token: number;
    try {
      token = this.#choose(logits, history.tokens.length - history.replyStart);
    } finally {
      this.#adjustments.restore(logits);
    }
    const { topLogprobs } = this.#parameters;
    return topLogprobs === undefined
      ? { token }
      : { token, logprobs: tokenLogprobs(logits, token, topLogprobs) };
  }

  #choose(logits: Float32Array, replyLength: number): number {
    const { temperature, topK, topP, minP } = this.#parameters;
    if (temperature === 0) {
      const token = likeliest(logits);
      checkFinite(logits[token]);
      return token;
    }
    const candidates = this.#candidates;
    candidates.select(logits, topK);
    checkFinite(candidates.max);
    if (topP < 1) candidates.keepTopP(topP);
    if (minP > 0) candidates.keepMinP(minP);
    return this.#draw(logits, uniform(this.seed, replyLength));
  }

  /** The candidate at which the sum of probabilities, by ascending id, passes `point` in [0, 1). */
  #draw(logits: Float32Array, point: number): number {
    const { ids, length, max } = this.#candidates;
    const weights = this.#weights;
    const { temperature } = this.#parameters;
    let total = 0;
    for (let i = 0; i < length; i++) {
      const weight = Math.exp(((logits[ids[i] as number] as number) - max) / temperature);
      weights[i] = weight;
      total += weight;
    }
    let rest = point * total;
    let chosen = 0;
    for (let i = 0; i < length; i++) {
      const weight = weights[i] as number;
      if (weight === 0) continue;
      chosen = i;
      rest -= weight;
      if (rest < 0) break;
    }
    return ids[chosen] as number;
  }
}

function checkFinite(largestLogit: number | undefined): void {
  if (Number.isFinite(largestLogit)) return;
  throw new RondoError(
    "BACKEND_FAILED",
    "choosing a token: the model's logits are not finite numbers; its file may be damaged",
  );
}
