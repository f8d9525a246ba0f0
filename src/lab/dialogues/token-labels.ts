import type { Round } from "./conversation.ts";
import type { Span } from "./wording.ts";

/** What a token is to the trainer; training/shards.py gives each its weight in the loss. */
export const LABEL = {
  /** What the model only reads. */
  context: 0,
  /** A reply's words. */
  reply: 1,
  /** A value as the reply notes it. */
  notedValue: 2,
  /** The first token of a value in the answer to a question. */
  answer: 3,
  /** Its further tokens. */
  answerRest: 4,
  /** Words of a reply that lists many facts: what comes next is itself recall. */
  recital: 5,
} as const;

/** The label of a token of `kind`'s reply that belongs to no value. */
export function plainLabel(kind: Round["kind"]): number {
  return kind === "all-facts" || kind === "everything" ? LABEL.recital : LABEL.reply;
}

/**
 * A label for each token of a reply, given the tokens' lengths in bytes of UTF-8. A token that starts with the space
 * before a value is part of the value.
 */
export function labelReply({ kind, assistant }: Round, tokenBytes: readonly number[]): number[] {
  const isQuestion = kind !== "telling" && kind !== "change";
  const values = assistant.values.map(({ start, end }) => ({
    start: Buffer.byteLength(assistant.text.slice(0, start)),
    end: Buffer.byteLength(assistant.text.slice(0, end)),
  }));
  let offset = 0;
  return tokenBytes.map((length) => {
    const start = offset;
    offset += length;
    const value = values.find((span) => start < span.end && offset > span.start);
    return value === undefined ? plainLabel(kind) : valueLabel(start, value, isQuestion);
  });
}

function valueLabel(start: number, value: Span, isQuestion: boolean): number {
  if (!isQuestion) return LABEL.notedValue;
  return start <= value.start ? LABEL.answer : LABEL.answerRest;
}
