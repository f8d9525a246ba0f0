import { RondoError } from "../core/errors.ts";
import type { KvCache } from "../kv/kv-cache.ts";
import type { Vocabulary } from "../tokenizer/vocabulary.ts";
import type { ModelRunner } from "./model-runner.ts";
import type { FinishReason } from "./reply.ts";
import type { ReplyText } from "./reply-text.ts";
import type { Sampler } from "./sampling/sampler.ts";

/** What a reply is written to. */
export interface ReplyTarget {
  readonly runner: ModelRunner;
  readonly vocabulary: Vocabulary;
  readonly cache: KvCache;
  /** All tokens before the reply. */
  readonly tokens: readonly number[];
}

export interface GenerationOptions {
  readonly sampler: Sampler;
  readonly output: ReplyText;
  /** Tokens that may be sampled at most. */
  readonly maxTokens: number;
  readonly signal: AbortSignal | undefined;
  /** Called when a token was sampled. */
  readonly onToken?: () => void;
}

export interface Generated {
  readonly finishReason: FinishReason;
  /** Sampled tokens that are in the cache now. */
  readonly evaluated: readonly number[];
  /** Sampled tokens, one that ended the reply included. */
  readonly numSampled: number;
}

/**
 * Samples from `logits` and evaluates what was sampled, in turn, until the model ends its reply, a stop string
 * is complete, `maxTokens` are sampled or the signal fires.
 */
export async function generate(
  { runner, vocabulary, cache, tokens }: ReplyTarget,
  logits: Float32Array,
  { sampler, output, maxTokens, signal, onToken }: GenerationOptions,
): Promise<Generated> {
  const history = [...tokens];
  const replyStart = tokens.length;
  const end = (finishReason: FinishReason, numSampled: number): Generated => {
    output.end();
    return { finishReason, evaluated: history.slice(replyStart), numSampled };
  };
  const evaluate = async (token: number): Promise<Float32Array | undefined> => {
    // Not to be interrupted: a token whose text was handed out belongs to the conversation.
    const [next] = await runner.evaluate(cache, Int32Array.of(token));
    history.push(token);
    return next;
  };
  let current: Float32Array | undefined = logits;
  for (let numSampled = 0; current !== undefined; ) {
    if (signal?.aborted === true) return end("aborted", numSampled);
    const { token, logprobs } = sampler.sample(current, { tokens: history, replyStart });
    numSampled++;
    onToken?.();
    if (vocabulary.isEndOfGeneration(token)) return end("stop", numSampled);
    const isStopped = output.push(token, logprobs);
    current = await evaluate(token);
    if (isStopped) return end("stop", numSampled);
    if (numSampled >= maxTokens) return end("length", numSampled);
  }
  throw new RondoError("BACKEND_FAILED", "writing a reply: the model gave no logits");
}
