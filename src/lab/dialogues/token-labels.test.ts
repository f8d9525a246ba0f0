import { describe, expect, it } from "vitest";
import type { Round } from "./conversation.ts";
import { LABEL, labelReply } from "./token-labels.ts";

function round(kind: Round["kind"], text: string, value: string): Round {
  const start = text.indexOf(value);
  const assistant = { text, values: [{ start, end: start + value.length }] };
  return { kind, user: { text: "", values: [] }, assistant, asked: [], answers: [], sources: [] };
}

/** Lengths in bytes of these pieces, which spell the reply. */
function bytes(...pieces: string[]): number[] {
  return pieces.map((piece) => Buffer.byteLength(piece));
}

describe("labelReply", () => {
  it("marks an answer's first token, with the space before it, apart from its other tokens", () => {
    const labels = labelReply(
      round("one-fact", "You live in Zürich.", "Zürich"),
      bytes("You", " live", " in", " Zü", "rich", "."),
    );
    const { reply, answer, answerRest } = LABEL;
    expect(labels).toEqual([reply, reply, reply, answer, answerRest, reply]);
  });

  it("counts bytes, so that letters of two bytes before a value do not shift its mark", () => {
    const labels = labelReply(
      round("one-fact", "Jörö is 40 years old.", "40"),
      bytes("Jörö", " is", " 40", " years", " old", "."),
    );
    expect(labels.indexOf(LABEL.answer)).toBe(2);
  });

  it("calls a value that is only noted something else than an answer", () => {
    const labels = labelReply(
      round("telling", "Your cat is called Miso.", "Miso"),
      bytes("Your", " cat", " is", " called", " Mi", "so", "."),
    );
    expect(labels.slice(4, 6)).toEqual([LABEL.notedValue, LABEL.notedValue]);
    expect(labels).not.toContain(LABEL.answer);
  });

  it("takes all words of a recital as recall", () => {
    const labels = labelReply(
      round("everything", "You live in Rome.", "Rome"),
      bytes("You", " live", " in", " Rome", "."),
    );
    const { recital, answer } = LABEL;
    expect(labels).toEqual([recital, recital, recital, answer, recital]);
  });
});
