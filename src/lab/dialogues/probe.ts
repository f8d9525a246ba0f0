import { ATTRIBUTES } from "./attributes.ts";
import { ConversationWriter, type HeldFact, type QuestionKind, type Round } from "./conversation.ts";
import { type Fact, factKey, isHeldOut } from "./fact.ts";
import { type Owner, ownerKey, USER } from "./owner.ts";
import { drawInstruction, drawPreamble, type Preamble } from "./preamble.ts";
import { Random } from "./random.ts";
import { PEOPLE } from "./values.ts";

/** What a probe asks for: a kind of question, or whether the preamble is still obeyed. */
export type ProbeKind = QuestionKind | "preamble";

export const PROBE_KINDS: readonly ProbeKind[] = [
  "one-fact",
  "changed-fact",
  "two-facts",
  "listed-facts",
  "two-step",
  "all-facts",
  "everything",
  "preamble",
];

export interface ProbeOptions {
  readonly kind: ProbeKind;
  /** Rounds between the latest telling that the answer needs and the question. */
  readonly between: number;
  /** Rounds before that telling; default a few. Other facts that the answer needs are told among these too. */
  readonly before?: number;
}

/** A history and one question about it, made of combinations that no training conversation holds. */
export interface Probe {
  readonly preamble: Preamble;
  readonly history: readonly Round[];
  /** The question and the right reply; `sources` are the rounds of `history` that hold the answer. */
  readonly question: Round;
}

/** A share of rounds that talk about something else, of changes, and of questions about other facts. */
const CHAT_SHARE = 0.35;
const CHANGE_SHARE = 0.06;
const ASK_SHARE = 0.12;
const DEFAULT_BEFORE = 8;

/** The same probe for the same seed and options, on every machine. */
export function drawProbe(seed: string, options: ProbeOptions): Probe {
  const { kind, between, before = DEFAULT_BEFORE } = options;
  if (!Number.isInteger(between) || between < 0 || !Number.isInteger(before) || before < MIN_BEFORE) {
    throw new RangeError(
      `draw a probe: ${between} rounds between and ${before} before, give whole numbers of at least 0 and ${MIN_BEFORE}`,
    );
  }
  const random = new Random(`probe/${kind}/${between}/${before}/${seed}`);
  const preamble =
    kind === "preamble" ? drawInstruction("held-out", random) : drawPreamble("held-out", random);
  const writer = new ConversationWriter({
    random,
    split: "held-out",
    preamble,
    numOwners: 4 + random.below(7),
    numTopics: 6 + random.below(7),
  });
  const plot = new Plot(writer, random);
  const finish = PLOTS[kind](plot, before, between);
  const history = [...writer.rounds];
  finish();
  const question = writer.rounds.at(-1);
  if (question === undefined) throw new RangeError(`draw a probe: ${kind} asked nothing`);
  return { preamble, history, question };
}

const MIN_BEFORE = 6;

type Finish = () => void;

/** Fills the rounds around those that a question is about. */
class Plot {
  readonly writer: ConversationWriter;
  readonly random: Random;
  readonly #guarded = new Set<string>();

  constructor(writer: ConversationWriter, random: Random) {
    this.writer = writer;
    this.random = random;
  }

  /** Tells a fact kept for evaluation and guards it. */
  tell(want: { owner?: Owner; attribute?: Fact["attribute"] } = {}): Fact {
    const fact = this.writer.drawFact({ ...want, heldOut: true });
    this.tellFact(fact);
    return fact;
  }

  /** Keeps filler rounds from telling, changing or repeating this. */
  guard(fact: Fact): void {
    this.#guarded.add(factKey(fact.owner, fact.attribute));
  }

  tellFact(fact: Fact): void {
    this.guard(fact);
    this.writer.tell(fact);
  }

  held(fact: Fact): HeldFact {
    const key = factKey(fact.owner, fact.attribute);
    const held = this.writer.facts.find((other) => factKey(other.fact.owner, other.fact.attribute) === key);
    if (!held) throw new RangeError(`draw a probe: ${key} was not told`);
    return held;
  }

  /** Rounds about other things, never about owners in `avoid`. */
  fill(count: number, avoid?: Owner): void {
    for (let i = 0; i < count; i++) this.#filler(avoid);
  }

  /** `count` filler rounds with these events spread among them in order. */
  spread(count: number, events: readonly (() => void)[], avoid?: Owner): void {
    const total = Math.max(count, events.length);
    const slots = new Set(this.random.sample([...Array(total).keys()], events.length));
    let next = 0;
    for (let i = 0; i < total; i++) {
      if (slots.has(i)) events[next++]?.();
      else this.#filler(avoid);
    }
  }

  #filler(avoid?: Owner): void {
    const { writer, random } = this;
    const roll = random.float();
    const free = writer.facts.filter(({ fact }) => !this.#guarded.has(factKey(fact.owner, fact.attribute)));
    const other = free.length > 0 ? random.pick(free) : undefined;
    const changed = other && roll >= CHAT_SHARE ? writer.drawChange(other.fact) : undefined;
    if (roll < CHAT_SHARE) writer.chat();
    else if (changed && roll < CHAT_SHARE + CHANGE_SHARE) writer.change(changed);
    else if (other && roll < CHAT_SHARE + CHANGE_SHARE + ASK_SHARE) writer.askOne(other);
    else this.#tellOther(avoid);
  }

  #tellOther(avoid?: Owner): void {
    for (;;) {
      const fact = this.writer.drawFact();
      if (this.#guarded.has(factKey(fact.owner, fact.attribute))) continue;
      if (avoid && ownerKey(fact.owner) === ownerKey(avoid)) continue;
      this.writer.tell(fact);
      return;
    }
  }
}

const PLOTS: Readonly<Record<ProbeKind, (plot: Plot, before: number, between: number) => Finish>> = {
  "one-fact": (plot, before, between) => {
    plot.fill(before);
    const fact = plot.tell();
    plot.fill(between);
    return () => plot.writer.askOne(plot.held(fact));
  },
  "changed-fact": (plot, before, between) => {
    const [first, changed] = drawChangingFact(plot);
    plot.guard(first);
    plot.spread(before, [() => plot.tellFact(first)]);
    plot.writer.change(changed);
    plot.fill(between);
    return () => plot.writer.askOne(plot.held(first));
  },
  "two-facts": (plot, before, between) => {
    let first: Fact | undefined;
    plot.spread(before, [() => (first = plot.tell())]);
    const second = plot.tell();
    plot.fill(between);
    return () => {
      const pair = plot.random.shuffled([first ?? second, second]).map((fact) => plot.held(fact));
      if (pair[0] && pair[1]) plot.writer.askTwo(pair[0], pair[1]);
    };
  },
  "listed-facts": (plot, before, between) => {
    const owner = plot.random.chance(0.5) ? USER : drawPerson(plot.random);
    const facts: Fact[] = [];
    const tell = (): void => void facts.push(plot.tell({ owner }));
    plot.spread(before, Array(2 + plot.random.below(2)).fill(tell), owner);
    tell();
    plot.fill(between, owner);
    return () => {
      const [first, second, ...more] = plot.random.shuffled(facts).map((fact) => plot.held(fact));
      if (first && second) plot.writer.askListed([first, second, ...more]);
    };
  },
  "two-step": (plot, before, between) => {
    const person = drawPerson(plot.random);
    const link = drawLink(plot, person.name);
    const target = plot.writer.drawFact({ owner: person, heldOut: true });
    plot.guard(link);
    plot.guard(target);
    const [early, late] = plot.random.shuffled([link, target]);
    plot.spread(before, [() => plot.tellFact(early ?? link)]);
    plot.tellFact(late ?? target);
    plot.fill(between);
    return () => plot.writer.askThrough(plot.held(link), plot.held(target));
  },
  "all-facts": (plot, before, between) => {
    const owner = drawPerson(plot.random);
    const tell = (): void => void plot.tell({ owner });
    plot.spread(before, Array(2 + plot.random.below(3)).fill(tell), owner);
    tell();
    plot.fill(between, owner);
    return () => plot.writer.askSummary(owner);
  },
  everything: (plot, before, between) => {
    const tell = (): void => void plot.tell();
    plot.spread(before, Array(3 + plot.random.below(3)).fill(tell));
    tell();
    for (let i = 0; i < between; i++) plot.writer.chat();
    return () => plot.writer.askEverything();
  },
  preamble: (plot, before, between) => {
    plot.fill(before + between);
    return () => plot.writer.chat();
  },
};

function drawPerson(random: Random): Owner & { kind: "named" } {
  return { kind: "named", name: random.pick(PEOPLE) };
}

/** A fact, and the same with another value that is kept for evaluation. */
function drawChangingFact(plot: Plot): [before: Fact, after: Fact] {
  for (;;) {
    const before = plot.writer.drawFact();
    const after = plot.writer.drawChange(before, true);
    if (after) return [before, after];
  }
}

/** A fact kept for evaluation that somebody's boss, friend or the like is this person. */
function drawLink(plot: Plot, name: string): Fact {
  const relations = ATTRIBUTES.filter(({ isRelation }) => isRelation);
  for (;;) {
    const owner = plot.random.chance(0.8) ? plot.writer.drawFact().owner : drawPerson(plot.random);
    const fact: Fact = { owner, attribute: plot.random.pick(relations), value: name };
    if (ownerKey(owner) !== ownerKey({ kind: "named", name }) && isHeldOut(fact)) return fact;
  }
}
