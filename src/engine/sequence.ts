import { RondoError } from "../core/errors.ts";
import { EvaluatedText } from "./evaluated-text.ts";
import { type Generated, type GenerationOptions, generate } from "./generation.ts";
import type { Model } from "./model.ts";

export interface ReadOptions {
  readonly signal: AbortSignal | undefined;
  /** Called while the text is read, with the tokens read and those to read in all. */
  readonly onPrefill: ((numDone: number, numTotal: number) => void) | undefined;
}

export interface ReadResult {
  /** After the last token of the text. */
  readonly logits: Float32Array;
  /** Tokens of the text whose KV was there already. */
  readonly cachedTokens: number;
}

/** One sequence of tokens with its KV: it reads texts and writes replies, and reads no token twice. */
export class Sequence implements Disposable {
  readonly #model: Model;
  readonly #cache: ReturnType<Model["newCache"]>;
  readonly #evaluated: EvaluatedText;

  constructor(model: Model) {
    this.#model = model;
    this.#cache = model.newCache();
    this.#evaluated = new EvaluatedText((text, isStart) => encodePrompt(model, text, isStart));
  }

  /** Tokens whose KV is kept. */
  get length(): number {
    return this.#cache.length;
  }

  /**
   * Makes the sequence hold `text` (a rendered template), evaluating only what it does not hold yet.
   *
   * @throws RondoError `PROMPT_EMPTY`, `CONTEXT_FULL` before anything changes; `ABORTED`, `OUT_OF_MEMORY`
   * with the sequence cut back to what it shares with `text`.
   */
  async read(text: string, { signal, onPrefill }: ReadOptions): Promise<ReadResult> {
    const { contextLength } = this.#model;
    const plan = this.#evaluated.plan(text);
    const numTokens = plan.keep + plan.tokens.length;
    if (numTokens === 0)
      throw new RondoError("PROMPT_EMPTY", "reading a prompt: it has no tokens; give it text");
    // One token more would leave no room for an answer.
    if (numTokens >= contextLength) {
      throw new RondoError(
        "CONTEXT_FULL",
        `reading a prompt: the conversation has ${numTokens} tokens, and the context of ${contextLength} must also hold the reply; ` +
          "start a new chat or remove messages",
      );
    }
    // Logits come with an evaluation, so the last token is evaluated again if all are there.
    const keep = Math.min(plan.keep, numTokens - 1);
    const tokens = plan.tokens.length > 0 ? plan.tokens : Int32Array.of(this.#evaluated.tokens[keep] ?? 0);
    this.#cache.truncate(keep);
    this.#evaluated.truncate(keep);
    const [logits] = await this.#model.parts.runner.evaluate(this.#cache, tokens, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (numDone) => onPrefill?.(numDone, tokens.length),
    });
    this.#evaluated.extend(text, tokens);
    return { logits: logits ?? new Float32Array(), cachedTokens: keep };
  }

  /** Writes a reply after what was read. */
  async write(logits: Float32Array, options: GenerationOptions): Promise<Generated> {
    const { runner, vocabulary } = this.#model.parts;
    const sequence = { runner, vocabulary, cache: this.#cache, tokens: this.#evaluated.tokens };
    const room = this.#model.contextLength - this.#cache.length;
    const generated = await generate(sequence, logits, {
      ...options,
      maxTokens: Math.min(options.maxTokens, room),
    });
    const { text, isExact } = options.output;
    this.#evaluated.extend(isExact ? this.#evaluated.text + text : undefined, generated.evaluated);
    return generated;
  }

  [Symbol.dispose](): void {
    this.#model.freeCache(this.#cache);
  }
}

/** Templates name the beginning-of-sequence token themselves, or leave it to the vocabulary. */
function encodePrompt(model: Model, text: string, isStart: boolean): Int32Array {
  const { vocabulary } = model;
  const tokens = vocabulary.encode(text, { parseSpecial: true });
  const { bos, addBos } = vocabulary;
  if (!isStart || !addBos || bos === undefined || tokens[0] === bos) return tokens;
  return Int32Array.of(bos, ...tokens);
}
