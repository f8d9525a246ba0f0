import { RondoError } from "../core/errors.ts";
import { type Message, messageText } from "../core/message.ts";
import type { Metadata } from "../gguf/metadata.ts";
import { TemplateRefusal, templateGlobals } from "./template-globals.ts";
import { TemplateProgram } from "./template-program.ts";
import type { Vocabulary } from "./vocabulary.ts";

const TEMPLATE_KEY = "tokenizer.chat_template";

/** A message and whatever else its template reads: `tool_calls`, `tool_call_id`, `reasoning_content`, `name`. */
export interface TemplateMessage extends Omit<Message, "content"> {
  /** Text, parts of text, or nothing beside tool calls. */
  readonly content?: Message["content"] | null | undefined;
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  readonly messages: readonly TemplateMessage[];
  /** Tools in the form of the OpenAI API; none and an empty list are the same. */
  readonly tools?: readonly object[] | undefined;
  /** Ends with the opening of an assistant's message. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** What the template takes for now. A chat keeps one time, or its beginning would change at midnight. */
  readonly now?: Date;
  /** More variables for the template, such as `enable_thinking`. They cannot replace those above. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Texts under the names that templates know them by, such as `bos_token`. */
export type SpecialTokenTexts = Readonly<Record<string, string>>;

/** How a model wants a conversation to be written: the Jinja template of its file. */
export class ChatTemplate {
  readonly source: string;
  readonly #program: TemplateProgram;
  readonly #specialTokens: SpecialTokenTexts;

  /** @throws RondoError `TEMPLATE_FAILED` where `source` is no template. */
  constructor(source: string, specialTokens: SpecialTokenTexts) {
    this.source = source;
    this.#specialTokens = specialTokens;
    try {
      this.#program = new TemplateProgram(source);
    } catch (cause) {
      throw new RondoError(
        "TEMPLATE_FAILED",
        `reading the chat template: ${(cause as Error).message}; use another model file or give a template yourself`,
        { cause },
      );
    }
  }

  /**
   * The template of a model file.
   *
   * @throws RondoError `TEMPLATE_MISSING` where it has none, `TEMPLATE_FAILED` where it is broken.
   */
  static fromModel(metadata: Metadata, vocabulary: Vocabulary): ChatTemplate {
    const source = metadata.optionalString(TEMPLATE_KEY);
    if (source === undefined) {
      throw new RondoError(
        "TEMPLATE_MISSING",
        "starting a chat: the model file has no chat template; use an instruction-tuned model, or generate without one",
      );
    }
    const textOf = (id: number | undefined): string =>
      id === undefined ? "" : Buffer.from(vocabulary.tokenBytes(id)).toString();
    return new ChatTemplate(source, { bos_token: textOf(vocabulary.bos), eos_token: textOf(vocabulary.eos) });
  }

  /**
   * The conversation as text, control tokens by their names.
   *
   * @throws RondoError `TEMPLATE_FAILED`, with the template's own words where it refuses the conversation.
   */
  render({ messages, tools, addGenerationPrompt = false, now, variables }: RenderOptions): string {
    try {
      return this.#program.run({
        ...variables,
        ...templateGlobals(now ?? new Date()),
        ...this.#specialTokens,
        messages: messages.map(plainMessage),
        add_generation_prompt: addGenerationPrompt,
        // As in transformers, which templates are written against: there, and none.
        tools: tools === undefined || tools.length === 0 ? null : tools,
        documents: null,
      });
    } catch (cause) {
      throw renderError(cause);
    }
  }
}

/** Templates know content as text, and the arguments of tool calls as objects. */
function plainMessage(message: TemplateMessage): Record<string, unknown> {
  const { content, tool_calls: toolCalls, ...rest } = message;
  const text = messageText({ role: message.role, content: content ?? "" });
  return {
    ...rest,
    content: text,
    ...(Array.isArray(toolCalls) ? { tool_calls: toolCalls.map(withParsedArguments) } : {}),
  };
}

/** The OpenAI API carries arguments as JSON text; a template that writes JSON would quote it once more. */
function withParsedArguments(call: unknown): unknown {
  if (!isObject(call) || !isObject(call["function"])) return call;
  const { arguments: given } = call["function"];
  if (typeof given !== "string") return call;
  try {
    const parsed: unknown = JSON.parse(given);
    return isObject(parsed) ? { ...call, function: { ...call["function"], arguments: parsed } } : call;
  } catch {
    // A model may have written broken JSON: the template shows it as it was.
    return call;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function renderError(cause: unknown): RondoError {
  const { message } = cause as Error;
  const advice =
    cause instanceof TemplateRefusal
      ? "change the messages accordingly"
      : "the model's template may not fit these messages";
  return new RondoError(
    "TEMPLATE_FAILED",
    `writing the conversation by the model's chat template: ${message}; ${advice}`,
    {
      cause,
    },
  );
}
