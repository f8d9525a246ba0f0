import type { Random } from "./random.ts";
import { capitalised, type Wording, wrap } from "./wording.ts";

/** How one user writes, the same through a whole conversation. */
export interface Style {
  /** "favorite color" instead of "favourite colour". */
  readonly isAmerican: boolean;
  /** Sentences start with a small letter and end without a mark. */
  readonly isSloppy: boolean;
  /** "I'm" instead of "I am". */
  readonly isCasual: boolean;
}

export function drawStyle(random: Random): Style {
  return { isAmerican: random.chance(0.2), isSloppy: random.chance(0.12), isCasual: random.chance(0.4) };
}

const AMERICAN: readonly (readonly [british: RegExp, american: string])[] = [
  [/favourite/g, "favorite"],
  [/colour/g, "color"],
  [/neighbour/g, "neighbor"],
];

/** A template of attributes.ts as this user spells it. */
export function spelled(template: string, style: Style): string {
  if (!style.isAmerican) return template;
  return AMERICAN.reduce((text, [british, american]) => text.replace(british, american), template);
}

/** A clause as a whole message: with a capital and a mark, or without both. */
export function asMessage(clause: Wording, mark: "." | "?", style: Style): Wording {
  return style.isSloppy ? clause : wrap("", capitalised(clause), mark);
}

/** A clause about the user as this user would shorten it. */
export function contracted(clause: Wording, style: Style): Wording {
  const full = "I am ";
  const short = "I'm ";
  if (!style.isCasual || !clause.text.startsWith(full)) return clause;
  const shift = short.length - full.length;
  return {
    text: short + clause.text.slice(full.length),
    values: clause.values.map(({ start, end }) => ({ start: start + shift, end: end + shift })),
  };
}
