import { Template } from "@huggingface/jinja";
import { RondoError } from "../core/errors.ts";
import { type Message, messageText } from "../core/message.ts";

export interface RenderOptions {
  readonly messages: readonly Message[];
  /** Ends with the header of the assistant's next message. */
  readonly addGenerationPrompt: boolean;
}

/** A model's chat template: how it wants a conversation written. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #special: Readonly<Record<string, string>>;

  /** @throws RondoError `TEMPLATE_FAILED` where the source is no template. */
  constructor(source: string, special: Readonly<Record<string, string>>) {
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new RondoError("TEMPLATE_FAILED", `parsing the chat template: ${(cause as Error).message}`, {
        cause,
      });
    }
    this.#special = special;
  }

  render({ messages, addGenerationPrompt }: RenderOptions): string {
    const flat = messages.map((message) => ({ ...message, content: messageText(message) }));
    try {
      return this.#template.render({
        ...this.#special,
        messages: flat,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (cause) {
      throw new RondoError("TEMPLATE_FAILED", `rendering the chat template: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}
