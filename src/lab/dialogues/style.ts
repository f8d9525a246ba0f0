import type { Random } from "./random.ts";
import { capitalised, type Wording, wrap } from "./wording.ts";

/** How one user writes, the same through a whole conversation. */
export interface Style {
  /** "favorite color" instead of "favourite colour". */
  readonly isAmerican: boolean;
  /** Sentences start with a small letter and end without a mark. */
  readonly isSloppy: boolean;
}

export function drawStyle(random: Random): Style {
  return { isAmerican: random.chance(0.2), isSloppy: random.chance(0.12) };
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
