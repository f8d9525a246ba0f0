import { ATTRIBUTES, type Attribute, suitsNamed } from "./attributes.ts";
import { type Fact, factKey, isHeldOut } from "./fact.ts";
import { type Owner, ownerKey, USER } from "./owner.ts";
import type { Preamble, Split } from "./preamble.ts";
import { askInventory, askListed, askOne, askSummary, askThrough, askTwo } from "./questions.ts";
import type { Random } from "./random.ts";
import { drawSmallTalk } from "./small-talk.ts";
import { drawStyle, type Style } from "./style.ts";
import { changeOf, type Telling, tellingOf } from "./tellings.ts";
import { coinName, drawValue, KIN, PEOPLE } from "./values.ts";
import { changedStatement, join, plain, type Span, statement, type Wording } from "./wording.ts";

/** What a question needs to be answered. */
export type QuestionKind =
  | "one-fact"
  | "changed-fact"
  | "two-facts"
  | "listed-facts"
  | "two-step"
  | "all-facts"
  | "everything";

/** One message of the user and the assistant's reply to it. */
export interface Round {
  readonly kind: "telling" | "change" | "small-talk" | QuestionKind;
  readonly user: Wording;
  readonly assistant: Wording;
  /** The fact that the user tells or changes in this round. */
  readonly told?: Fact;
  /** The facts that a question asks for, in the order of the reply; empty in other rounds. */
  readonly asked: readonly Fact[];
  /** Values that a right reply names, in this order; empty unless the round is a question. */
  readonly answers: readonly string[];
  /** Indices of earlier rounds in which one of the answers stands as a current fact; empty unless a question. */
  readonly sources: readonly number[];
}

/** A fact that holds, and where it was told. */
export interface HeldFact {
  readonly fact: Fact;
  /** The round that told it. */
  readonly toldIn: number;
  /** The rounds that state it: the telling, and replies that repeated it. */
  readonly statedIn: readonly number[];
  /** How often an older value was replaced. */
  readonly numChanges: number;
}

interface LoggedTelling {
  readonly fact: Fact;
  readonly isChange: boolean;
  readonly round: number;
}

/** Draws of another value before a list counts as exhausted. */
const MAX_DRAWS = 60;

/** Writes a conversation round by round and knows at each moment what holds. */
export class ConversationWriter {
  readonly #random: Random;
  readonly #split: Split;
  readonly #style: Style;
  readonly #preamble: Preamble;
  readonly #cast: readonly Owner[];
  readonly #topics: readonly Attribute[];
  readonly #rounds: Round[] = [];
  readonly #facts = new Map<string, HeldFact>();
  readonly #log: LoggedTelling[] = [];

  /** `numOwners` people are spoken of, about `numTopics` attributes: the fewer, the more alike are the facts. */
  constructor(options: {
    random: Random;
    split: Split;
    preamble: Preamble;
    numOwners: number;
    numTopics: number;
  }) {
    this.#random = options.random;
    this.#split = options.split;
    this.#preamble = options.preamble;
    this.#style = drawStyle(options.random);
    this.#cast = drawCast(options.numOwners, options.random);
    this.#topics = drawTopics(options.numTopics, options.random);
  }

  get rounds(): readonly Round[] {
    return this.#rounds;
  }

  /** All facts that hold now. */
  get facts(): readonly HeldFact[] {
    return [...this.#facts.values()];
  }

  /** A fact not yet told: of `owner` and `attribute` if given; kept for evaluation if `heldOut`. */
  drawFact(want: { owner?: Owner; attribute?: Attribute; heldOut?: boolean } = {}): Fact {
    for (let i = 0; ; i++) {
      // A conversation that has said all about its people and topics turns to others.
      const owner =
        want.owner ?? (i < 10 * MAX_DRAWS ? this.#random.pick(this.#cast) : drawOther(this.#random));
      const attribute = want.attribute ?? this.#random.pick(i < MAX_DRAWS ? this.#topics : ATTRIBUTES);
      const fact = { owner, attribute, value: this.#drawValue(owner, attribute) };
      const isAllowed = this.#split === "train" ? !isHeldOut(fact) : want.heldOut !== true || isHeldOut(fact);
      const isSensible = owner.kind !== "named" || suitsNamed(attribute);
      if (isAllowed && isSensible && !this.#facts.has(factKey(owner, attribute))) return fact;
    }
  }

  /** The fact with another value; undefined where a short list of values holds none that the split allows. */
  drawChange(fact: Fact, heldOut = false): Fact | undefined {
    for (let i = 0; i < MAX_DRAWS; i++) {
      const changed = { ...fact, value: this.#drawValue(fact.owner, fact.attribute) };
      const isAllowed = this.#split === "train" ? !isHeldOut(changed) : !heldOut || isHeldOut(changed);
      if (isAllowed && changed.value.toLowerCase() !== fact.value.toLowerCase()) return changed;
    }
    return undefined;
  }

  /** The user tells a fact for the first time. */
  tell(fact: Fact): void {
    this.#note("telling", fact, tellingOf(fact, this.#style, this.#random), 0);
  }

  /** The user replaces what was told about the same owner and attribute. */
  change(fact: Fact): void {
    const before = this.#facts.get(factKey(fact.owner, fact.attribute));
    const numChanges = (before?.numChanges ?? 0) + 1;
    this.#note("change", fact, changeOf(fact, this.#style, this.#random), numChanges);
  }

  /** A round in which nothing is told. */
  chat(): void {
    const { user, assistant } = drawSmallTalk(this.#random);
    this.#push({
      kind: "small-talk",
      user: plain(user),
      assistant: plain(assistant),
      asked: [],
      answers: [],
      sources: [],
    });
  }

  /** Asks for one fact. */
  askOne(held: HeldFact): void {
    const { owner, attribute } = held.fact;
    const kind = held.numChanges > 0 ? "changed-fact" : "one-fact";
    this.#answer(kind, askOne(owner, attribute, this.#style, this.#random), [held]);
  }

  /** Asks for two facts at once. */
  askTwo(first: HeldFact, second: HeldFact): void {
    this.#answer("two-facts", askTwo(first.fact, second.fact, this.#style, this.#random), [first, second]);
  }

  /** Asks for several facts of one owner by the names of their attributes. */
  askListed(held: readonly [HeldFact, HeldFact, ...HeldFact[]]): void {
    const attributes = held.map(({ fact }) => fact.attribute);
    this.#answer("listed-facts", askListed(held[0].fact.owner, attributes, this.#style), held);
  }

  /** Asks for a fact about the person that `link` names, without naming the person. */
  askThrough(link: HeldFact, target: HeldFact): void {
    const { owner, attribute } = link.fact;
    const user = askThrough(owner, attribute, target.fact.attribute, this.#style, this.#random);
    this.#answer("two-step", user, [link, target]);
  }

  /** Asks for all that was told about one owner, in the order of telling. */
  askSummary(owner: Owner): void {
    const key = ownerKey(owner);
    const log = this.#log.filter(({ fact }) => ownerKey(fact.owner) === key);
    this.#recite("all-facts", askSummary(owner, this.#style, this.#random), log);
  }

  /** Asks for all that was told, in the order of telling. */
  askEverything(): void {
    this.#recite("everything", askInventory(this.#style, this.#random), this.#log);
  }

  #drawValue(owner: Owner, attribute: Attribute): string {
    const people = this.#cast.filter((other) => other.kind === "named" && other !== owner);
    if (attribute.isRelation && people.length > 0 && this.#random.chance(0.6)) {
      const person = this.#random.pick(people);
      if (person.kind === "named") return person.name;
    }
    const value = drawValue(attribute.domain, this.#random);
    return this.#style.isSloppy && this.#random.chance(0.5) && !attribute.isRelation
      ? value.toLowerCase()
      : value;
  }

  #note(kind: "telling" | "change", fact: Fact, telling: Telling, numChanges: number): void {
    const round = this.#rounds.length;
    this.#facts.set(factKey(fact.owner, fact.attribute), {
      fact,
      toldIn: round,
      statedIn: [round],
      numChanges,
    });
    this.#log.push({ fact, isChange: kind === "change", round });
    this.#push({ kind, ...telling, told: fact, asked: [], answers: [], sources: [] });
  }

  #answer(kind: QuestionKind, user: Wording, held: readonly HeldFact[]): void {
    const sources = held.flatMap(({ statedIn }) => statedIn);
    const asked = held.map(({ fact }) => fact);
    const answers = asked.map(({ value }) => value);
    const assistant = join(
      held.map(({ fact }) => statement(fact)),
      "\n",
    );
    for (const { fact } of held) this.#restated(fact);
    this.#push({ kind, user, assistant, asked, answers, sources: sorted(sources) });
  }

  #recite(kind: QuestionKind, user: Wording, log: readonly LoggedTelling[]): void {
    const rows = log.map(({ fact, isChange }) => (isChange ? changedStatement(fact) : statement(fact)));
    const asked = log.map(({ fact }) => fact);
    const answers = asked.map(({ value }) => value);
    const sources = sorted(log.map(({ round }) => round));
    for (const { fact } of log) {
      if (this.#facts.get(factKey(fact.owner, fact.attribute))?.fact === fact) this.#restated(fact);
    }
    this.#push({ kind, user, assistant: join(rows, "\n"), asked, answers, sources });
  }

  #restated(fact: Fact): void {
    const key = factKey(fact.owner, fact.attribute);
    const held = this.#facts.get(key);
    if (held) this.#facts.set(key, { ...held, statedIn: [...held.statedIn, this.#rounds.length] });
  }

  #push(round: Round): void {
    this.#rounds.push({ ...round, assistant: closed(round.assistant, this.#preamble.closing) });
  }
}

function closed(reply: Wording, closing: string | undefined): Wording {
  if (closing === undefined) return reply;
  const start = reply.text.length + 1;
  const span: Span = { start, end: start + closing.length };
  return { text: `${reply.text} ${closing}.`, values: [...reply.values, span] };
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((x, y) => x - y);
}

/** The user and `numOwners - 1` others: people with names, some never heard before, and relatives. */
function drawCast(numOwners: number, random: Random): readonly Owner[] {
  const cast = new Map<string, Owner>([[ownerKey(USER), USER]]);
  while (cast.size < numOwners) {
    const owner = drawOther(random);
    cast.set(ownerKey(owner), owner);
  }
  return [...cast.values()];
}

function drawOther(random: Random): Owner {
  if (random.chance(0.3)) return { kind: "kin", noun: random.pick(KIN) };
  return { kind: "named", name: random.chance(0.15) ? coinName(random) : random.pick(PEOPLE) };
}

/** Attributes to speak of; most times at least one of them is a relation between people. */
function drawTopics(numTopics: number, random: Random): readonly Attribute[] {
  const topics = random.sample(ATTRIBUTES, numTopics);
  if (random.chance(0.4)) return topics;
  return [...topics.slice(1), random.pick(ATTRIBUTES.filter(({ isRelation }) => isRelation))];
}
