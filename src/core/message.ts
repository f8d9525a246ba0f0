/** Part of a message's content; only text is read. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** One message of a conversation, in the form of the OpenAI API. */
export type Message = {
  readonly role: string;
  readonly content: string | readonly TextPart[];
};

/** The text of a message's content. */
export function messageText({ content }: Message): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("");
}
