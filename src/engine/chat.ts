import { isRondoError, RondoError } from "../core/errors.ts";
import type { Message } from "../core/message.ts";
import { type SamplingParameters, samplingParameters } from "../core/sampling-parameters.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import type { Model } from "./model.ts";
import { type FinishReason, Reply, type ReplyPiece, type ReplyResult } from "./reply.ts";
import { ReplyText } from "./reply-text.ts";
import { Sampler } from "./sampling/sampler.ts";
import { type ReadResult, Sequence } from "./sequence.ts";
import { Stopwatch } from "./stopwatch.ts";

export interface ChatOptions {
  /** The system prompt. */
  readonly system?: string;
  /** Messages that were said before, as if this chat had lived through them. */
  readonly messages?: readonly Message[];
  /** Defaults of the chat's replies. */
  readonly sampling?: Partial<SamplingParameters>;
}

export interface SendOptions {
  /** Stops the reply; what was written until then is kept as the answer. */
  readonly signal?: AbortSignal;
  /** Tokens of the reply at most; as many as the context still holds by default. */
  readonly maxTokens?: number;
  /** Texts that end the reply, themselves left out. */
  readonly stop?: readonly string[];
  readonly sampling?: Partial<SamplingParameters>;
  /** Called while the prompt is read, with the tokens read and those to read in all. */
  readonly onPrefill?: (numDone: number, numTotal: number) => void;
}

/** One question on its way through the chat. */
interface Turn {
  readonly added: readonly Message[];
  readonly options: SendOptions;
  readonly sampler: Sampler;
}

/**
 * A conversation whose KV stays in memory: each reply reads only what is new since the one before.
 * Replies are written one at a time, in the order they were asked for.
 */
export class Chat implements AsyncDisposable {
  readonly #model: Model;
  readonly #template: ChatTemplate;
  readonly #sampling: Partial<SamplingParameters>;
  readonly #sequence: Sequence;
  /** What a template that asks for the date is told: one time, or the chat's beginning would change at midnight. */
  readonly #startedAt = new Date();
  #messages: readonly Message[];
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** Made by {@link Model.createChat}. @internal */
  constructor(model: Model, template: ChatTemplate, { system, messages = [], sampling = {} }: ChatOptions) {
    samplingParameters(sampling);
    this.#model = model;
    this.#template = template;
    this.#sampling = sampling;
    this.#sequence = new Sequence(model);
    const preamble = system === undefined ? [] : [{ role: "system", content: system }];
    this.#messages = [...preamble, ...messages];
  }

  /** What was said so far, the system prompt included. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Tokens of the conversation that the model has read, template and system prompt included. */
  get numTokens(): number {
    return this.#sequence.length;
  }

  /**
   * Asks for a reply to `input`: a user's text, or messages to add before the model answers. A question whose
   * reading fails or is stopped leaves the chat as it was.
   *
   * @throws RondoError at once: `OPTION_INVALID`, `OPTION_UNKNOWN`; through the reply: `CONTEXT_FULL`,
   * `PROMPT_EMPTY`, `TEMPLATE_FAILED`, `OUT_OF_MEMORY`, `DISPOSED`.
   */
  send(input: string | readonly Message[], options: SendOptions = {}): Reply {
    checkMaxTokens(options.maxTokens);
    const parameters = samplingParameters({ ...this.#sampling, ...options.sampling });
    const turn: Turn = {
      added: typeof input === "string" ? [{ role: "user", content: input }] : input,
      options,
      sampler: new Sampler(parameters, this.#model.hyperparameters.vocabularySize),
    };
    return new Reply((emit) => {
      const run = this.#tail.then(() => this.#reply(turn, emit));
      this.#tail = run.catch(() => {});
      return run;
    });
  }

  /** Frees the chat's KV once the replies that were asked for have ended. Closing twice does nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#tail;
    this.#sequence[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #reply({ added, options, sampler }: Turn, emit: (piece: ReplyPiece) => void): Promise<ReplyResult> {
    if (this.#isClosed) throw new RondoError("DISPOSED", "asking a chat: it was closed; open another");
    const watch = new Stopwatch();
    const asked = [...this.#messages, ...added];
    const read = await this.#read(asked, options);
    watch.markPrefilled();
    if (read === undefined) return stoppedWhileReading(watch);

    const promptTokens = this.#sequence.length;
    const output = new ReplyText(this.#model.vocabulary, options.stop ?? [], emit);
    const { finishReason, numSampled } = await this.#sequence.write(read.logits, {
      sampler,
      output,
      maxTokens: options.maxTokens ?? Number.POSITIVE_INFINITY,
      signal: options.signal,
      onToken: () => watch.markToken(),
    });
    watch.markEnd();
    await this.#closeRound([...asked, { role: "assistant", content: output.text }]);
    return {
      text: output.text,
      finishReason,
      usage: { promptTokens, cachedTokens: read.cachedTokens, completionTokens: numSampled },
      timings: watch.timings(promptTokens - read.cachedTokens, numSampled),
    };
  }

  /** Reads the conversation up to where the answer begins; undefined when the signal fired first. */
  async #read(
    messages: readonly Message[],
    { signal, onPrefill }: SendOptions,
  ): Promise<ReadResult | undefined> {
    const prompt = this.#template.render({ messages, addGenerationPrompt: true, now: this.#startedAt });
    try {
      return await this.#sequence.read(prompt, { signal, onPrefill });
    } catch (error) {
      if (isRondoError(error, "ABORTED")) return undefined;
      throw error;
    }
  }

  /** Books the answer, and reads what the template puts after it, so that the next question finds it there. */
  async #closeRound(messages: readonly Message[]): Promise<void> {
    this.#messages = messages;
    const text = this.#template.render({ messages, now: this.#startedAt });
    try {
      await this.#sequence.read(text, { signal: undefined, onPrefill: undefined });
    } catch (error) {
      // The answer filled the context: it is kept, and the next question is refused.
      if (!isRondoError(error, "CONTEXT_FULL")) throw error;
    }
  }
}

function stoppedWhileReading(watch: Stopwatch): ReplyResult {
  const finishReason: FinishReason = "aborted";
  const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  return { text: "", finishReason, usage, timings: watch.timings(0, 0) };
}

function checkMaxTokens(maxTokens: number | undefined): void {
  if (maxTokens === undefined || (Number.isInteger(maxTokens) && maxTokens > 0)) return;
  throw new RondoError("OPTION_INVALID", `setting maxTokens: ${maxTokens} is not a whole number above 0`);
}
