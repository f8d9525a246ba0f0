import type { SamplingParameters } from "../../core/sampling-parameters.ts";

/** What was said before the token to be sampled. */
export interface SamplingHistory {
  /** Ids of the prompt's tokens and, from `replyStart` on, of the reply's so far. */
  readonly tokens: ArrayLike<number>;
  readonly replyStart: number;
}

/**
 * Penalties and biases on single logits. They are written into the logits and taken back after sampling, so
 * that only the tokens at hand cost time.
 */
export class Adjustments {
  readonly #parameters: SamplingParameters;
  readonly #bias: readonly (readonly [token: number, bias: number])[];
  /** How often the reply holds a token; zero but during {@link apply}. */
  readonly #counts: Uint32Array;
  readonly #isSaved: Uint8Array;
  #saved: { readonly token: number; readonly logit: number }[] = [];

  constructor(parameters: SamplingParameters, vocabularySize: number) {
    this.#parameters = parameters;
    this.#bias = Object.entries(parameters.logitBias).map(([token, bias]) => [Number(token), bias]);
    const outside = this.#bias.find(([token]) => token >= vocabularySize);
    if (outside !== undefined) {
      throw new RangeError(`logitBias: there is no token ${outside[0]} in a vocabulary of ${vocabularySize}`);
    }
    const isCounting = parameters.frequencyPenalty !== 0 || parameters.presencePenalty !== 0;
    this.#counts = new Uint32Array(isCounting ? vocabularySize : 0);
    const isSaving = isCounting || parameters.repetitionPenalty !== 1 || this.#bias.length > 0;
    this.#isSaved = new Uint8Array(isSaving ? vocabularySize : 0);
  }

  /** In this order, as llama.cpp: repetition, frequency and presence, bias. */
  apply(logits: Float32Array, history: SamplingHistory): void {
    this.#penaliseRepetition(logits, history);
    this.#penaliseFrequency(logits, history);
    for (const [token, bias] of this.#bias) this.#set(logits, token, (logits[token] ?? 0) + bias);
  }

  /** Takes back what {@link apply} changed. */
  restore(logits: Float32Array): void {
    if (this.#saved.length === 0) return;
    for (const { token, logit } of this.#saved) {
      logits[token] = logit;
      this.#isSaved[token] = 0;
    }
    this.#saved = [];
  }

  #penaliseRepetition(logits: Float32Array, { tokens }: SamplingHistory): void {
    const { repetitionPenalty, repetitionWindow } = this.#parameters;
    if (repetitionPenalty === 1) return;
    for (let i = Math.max(0, tokens.length - repetitionWindow); i < tokens.length; i++) {
      const token = tokens[i] as number;
      if (this.#isSaved[token] === 1) continue;
      const logit = logits[token] ?? 0;
      this.#set(logits, token, logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty);
    }
  }

  #penaliseFrequency(logits: Float32Array, { tokens, replyStart }: SamplingHistory): void {
    const { frequencyPenalty, presencePenalty } = this.#parameters;
    const counts = this.#counts;
    if (counts.length === 0) return;
    for (let i = replyStart; i < tokens.length; i++) {
      const token = tokens[i] as number;
      counts[token] = (counts[token] ?? 0) + 1;
    }
    for (let i = replyStart; i < tokens.length; i++) {
      const token = tokens[i] as number;
      const count = counts[token] ?? 0;
      if (count === 0) continue;
      counts[token] = 0;
      this.#set(logits, token, (logits[token] ?? 0) - count * frequencyPenalty - presencePenalty);
    }
  }

  #set(logits: Float32Array, token: number, logit: number): void {
    if (this.#isSaved[token] === 0) {
      this.#isSaved[token] = 1;
      this.#saved.push({ token, logit: logits[token] ?? 0 });
    }
    logits[token] = logit;
  }
}
