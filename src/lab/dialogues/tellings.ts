import type { Fact } from "./fact.ts";
import type { Random } from "./random.ts";
import { asMessage, contracted, type Style, spelled } from "./style.ts";
import { changedStatement, fill, join, plain, statement, type Wording, wrap } from "./wording.ts";

const ACKNOWLEDGEMENTS: readonly string[] = [
  "",
  "",
  "Noted.",
  "Got it.",
  "I will remember that.",
  "Okay.",
  "Thank you.",
];

const OPENINGS: readonly string[] = [
  "",
  "",
  "",
  "",
  "by the way, ",
  "please remember: ",
  "note that ",
  "you know, ",
];

const CHANGES: readonly (readonly [before: string, after: string])[] = [
  ["actually, ", ""],
  ["", " now"],
  ["correction: ", ""],
  ["news: ", " now"],
  ["that changed: ", ""],
];

/** How the user tells a fact, and how the assistant notes it. */
export interface Telling {
  readonly user: Wording;
  readonly assistant: Wording;
}

/** A fact told for the first time. */
export function tellingOf(fact: Fact, style: Style, random: Random): Telling {
  const templates = [fact.attribute.statement, ...tellingsOf(fact)];
  const clause = clauseOf(random.pick(templates), fact, style);
  const user = asMessage(wrap(random.pick(OPENINGS), clause, ""), ".", style);
  return { user, assistant: noted(statement(fact), random) };
}

/** A fact that replaces what was told before. */
export function changeOf(fact: Fact, style: Style, random: Random): Telling {
  const templates = tellingsOf(fact);
  const [before, after] = random.pick(CHANGES);
  const clause = clauseOf(random.pick(templates), fact, style);
  const user = asMessage(wrap(before, clause, after), ".", style);
  return { user, assistant: noted(changedStatement(fact), random) };
}

/** "The colour of Anna is blue" is English, "the colour of me is blue" is not. */
function tellingsOf({ owner, attribute }: Fact): readonly string[] {
  const tellings = [attribute.statement, ...attribute.tellings];
  return owner.kind === "user" ? tellings.filter((template) => !template.includes("{O}")) : tellings;
}

function clauseOf(template: string, fact: Fact, style: Style): Wording {
  return contracted(fill(spelled(template, style), fact.owner, "user", fact.value), style);
}

function noted(sentence: Wording, random: Random): Wording {
  const acknowledgement = random.pick(ACKNOWLEDGEMENTS);
  return acknowledgement === "" ? sentence : join([sentence, plain(acknowledgement)], " ");
}
