import type { Attribute } from "./attributes.ts";
import type { Fact } from "./fact.ts";
import type { Owner } from "./owner.ts";
import type { Random } from "./random.ts";
import { asMessage, type Style, spelled } from "./style.ts";
import { fill, plain, type Wording, wrap } from "./wording.ts";

const OPENINGS: readonly string[] = [
  "",
  "",
  "",
  "",
  "by the way, ",
  "tell me, ",
  "sorry, ",
  "one question: ",
  "remind me, ",
  "please tell me: ",
];

const REQUESTS: readonly string[] = [
  "tell me {P} NOUN",
  "do you remember {P} NOUN",
  "remind me of {P} NOUN",
  "what about {P} NOUN",
];

const SUMMARIES: readonly string[] = [
  "what do you know about {O}",
  "tell me everything about {O}",
  "what did I tell you about {O}",
  "list all you know about {O}",
];

const INVENTORIES: readonly string[] = [
  "list everything I told you",
  "write down everything I told you",
  "give me a list of all facts",
  "what did I tell you so far",
];

const ASKING = /^(what|which|who|when|where|how|do|in|on)\b/;

/** Asks for one attribute of one owner. */
export function askOne(owner: Owner, attribute: Attribute, style: Style, random: Random): Wording {
  const clause = random.chance(0.12)
    ? request(random.pick(REQUESTS), owner, attribute.noun, style)
    : question(owner, attribute, style, random);
  return message(clause, style, random.pick(OPENINGS));
}

/** Asks for two facts in one sentence. */
export function askTwo(first: Fact, second: Fact, style: Style, random: Random): Wording {
  const [one, two] = [first, second].map(({ owner, attribute }) => question(owner, attribute, style, random));
  return message(plain(`${one?.text} and ${two?.text}`), style, "");
}

/** Asks for several attributes of one owner by name. */
export function askListed(owner: Owner, attributes: readonly Attribute[], style: Style): Wording {
  const nouns = attributes.map(({ noun }) => noun);
  const list = `${nouns.slice(0, -1).join(", ")} and ${nouns.at(-1)}`;
  return message(request("tell me {P} NOUN", owner, list, style), style, "");
}

/** Asks a question about a person who is named only through a relation: "where does my boss live?". */
export function askThrough(
  owner: Owner,
  relation: Attribute,
  attribute: Attribute,
  style: Style,
  random: Random,
): Wording {
  const person: Owner = { kind: "named", name: fill(`{P} ${relation.noun}`, owner, "user").text };
  return message(question(person, attribute, style, random), style, "");
}

/** Asks for everything that was told about one owner. */
export function askSummary(owner: Owner, style: Style, random: Random): Wording {
  return message(fill(random.pick(SUMMARIES), owner, "user"), style, "");
}

/** Asks for everything that was told. */
export function askInventory(style: Style, random: Random): Wording {
  return message(plain(random.pick(INVENTORIES)), style, "");
}

function question(owner: Owner, attribute: Attribute, style: Style, random: Random): Wording {
  return fill(spelled(random.pick(attribute.questions), style), owner, "user");
}

function request(template: string, owner: Owner, noun: string, style: Style): Wording {
  return fill(spelled(template.replace("NOUN", noun), style), owner, "user");
}

function message(clause: Wording, style: Style, opening: string): Wording {
  return asMessage(wrap(opening, clause, ""), ASKING.test(clause.text) ? "?" : ".", style);
}
