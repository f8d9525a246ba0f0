import type { Fact } from "./fact.ts";
import { type Owner, objectForm, possessiveForm, type Speaker, subjectForm, verbForm } from "./owner.ts";

/** Half-open range of UTF-16 code units in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A text, and where in it the values of facts stand. */
export interface Wording {
  readonly text: string;
  readonly values: readonly Span[];
}

const PLACEHOLDER = /\{([A-Za-z]+)\}/g;

/** Fills a template of attributes.ts for an owner, spoken by `speaker`; `value` stands for `{V}`. */
export function fill(template: string, owner: Owner, speaker: Speaker, value = ""): Wording {
  let text = "";
  let copied = 0;
  const values: Span[] = [];
  for (const match of template.matchAll(PLACEHOLDER)) {
    text += template.slice(copied, match.index);
    copied = match.index + match[0].length;
    const name = match[1] ?? "";
    if (name === "V") {
      values.push({ start: text.length, end: text.length + value.length });
      text += value;
    } else {
      text += form(name, owner, speaker);
    }
  }
  return { text: text + template.slice(copied), values };
}

function form(name: string, owner: Owner, speaker: Speaker): string {
  switch (name) {
    case "S":
      return subjectForm(owner, speaker);
    case "P":
      return possessiveForm(owner, speaker);
    case "O":
      return objectForm(owner, speaker);
    default:
      return verbForm(name, owner, speaker);
  }
}

/** Puts texts around a wording and moves its spans along. */
export function wrap(before: string, wording: Wording, after: string): Wording {
  return {
    text: before + wording.text + after,
    values: wording.values.map(({ start, end }) => ({
      start: start + before.length,
      end: end + before.length,
    })),
  };
}

/** Joins wordings with a separator. */
export function join(parts: readonly Wording[], separator: string): Wording {
  return parts.reduce((joined, part) => {
    const prefix = joined.text === "" ? "" : joined.text + separator;
    const moved = wrap(prefix, part, "");
    return { text: moved.text, values: [...joined.values, ...moved.values] };
  }, plain(""));
}

/** A text without values. */
export function plain(text: string): Wording {
  return { text, values: [] };
}

/** The first letter in upper case. */
export function capitalised(wording: Wording): Wording {
  return { ...wording, text: wording.text.charAt(0).toUpperCase() + wording.text.slice(1) };
}

/** The assistant's sentence for a fact, with its full stop: how it notes the fact and how it answers. */
export function statement(fact: Fact): Wording {
  return sentence(fact.attribute.statement, fact);
}

/** The same when the fact replaces an older one. */
export function changedStatement(fact: Fact): Wording {
  return sentence(`${fact.attribute.statement} now`, fact);
}

function sentence(template: string, fact: Fact): Wording {
  return wrap("", capitalised(fill(template, fact.owner, "assistant", fact.value)), ".");
}
