import { ConversationWriter, type HeldFact, type Round } from "./conversation.ts";
import { ownerKey } from "./owner.ts";
import { drawPreamble, type Preamble, type Split } from "./preamble.ts";
import { Random } from "./random.ts";

/** A whole conversation: a preamble and its rounds. */
export interface Conversation {
  readonly preamble: Preamble;
  readonly rounds: readonly Round[];
}

/** How likely each kind of round is; they need not sum to 1. */
export interface RoundMix {
  readonly tell: number;
  readonly change: number;
  readonly chat: number;
  readonly ask: number;
}

/** Most rounds ask, so that a training token carries as much recall as it can. */
export const TRAINING_MIX: RoundMix = { tell: 0.38, change: 0.06, chat: 0.12, ask: 0.44 };

/** The same conversation for the same seed and options, on every machine. */
export function drawConversation(
  seed: string,
  options: { rounds: number; split: Split; mix?: RoundMix },
): Conversation {
  if (!Number.isInteger(options.rounds) || options.rounds < 1) {
    throw new RangeError(
      `draw a conversation: rounds is ${options.rounds}, give a whole number of at least 1`,
    );
  }
  const random = new Random(seed);
  const preamble = drawPreamble(options.split, random);
  const numOwners = 1 + random.below(Math.min(10, 2 + Math.ceil(options.rounds / 4)));
  const numTopics = 4 + random.below(20);
  const writer = new ConversationWriter({ random, split: options.split, preamble, numOwners, numTopics });
  const maxFacts = 40 * numOwners;
  while (writer.rounds.length < options.rounds) {
    writeRound(writer, options.mix ?? TRAINING_MIX, maxFacts, random);
  }
  return { preamble, rounds: writer.rounds };
}

function writeRound(writer: ConversationWriter, mix: RoundMix, maxFacts: number, random: Random): void {
  const { facts } = writer;
  let roll = random.float() * (mix.tell + mix.change + mix.chat + mix.ask);
  if (facts.length === 0) roll = Math.min(roll, mix.tell + mix.change + mix.chat - 1e-9);
  roll -= mix.chat;
  if (roll < 0) {
    writer.chat();
    return;
  }
  roll -= mix.change;
  if (roll < 0 && facts.length > 0) {
    const changed = writer.drawChange(random.pick(facts).fact);
    if (changed) {
      writer.change(changed);
      return;
    }
  }
  roll -= mix.tell;
  const isTooSoon = facts.length < 4 && random.chance(0.7);
  if ((roll < 0 || isTooSoon) && facts.length < maxFacts) writer.tell(writer.drawFact());
  else ask(writer, random);
}

function ask(writer: ConversationWriter, random: Random): void {
  const { facts } = writer;
  const roll = random.float();
  if (roll < 0.62 || facts.length < 2) {
    writer.askOne(oldOrAny(facts, random));
  } else if (roll < 0.72) {
    const [first, second] = random.sample(facts, 2);
    if (first && second) writer.askTwo(first, second);
  } else if (roll < 0.8) {
    askListed(writer, random);
  } else if (roll < 0.9) {
    askThrough(writer, random);
  } else if (roll < 0.97 || facts.length > MAX_RECITED) {
    askSummary(writer, random);
  } else {
    writer.askEverything();
  }
}

const MAX_RECITED = 14;

/** Half the time the fact that was not spoken of for longest among a few. */
function oldOrAny(facts: readonly HeldFact[], random: Random): HeldFact {
  if (random.chance(0.5)) return random.pick(facts);
  const some = random.sample(facts, 4).sort((x, y) => (x.statedIn.at(-1) ?? 0) - (y.statedIn.at(-1) ?? 0));
  return some[0] ?? random.pick(facts);
}

function askListed(writer: ConversationWriter, random: Random): void {
  const owner = ownerKey(random.pick(writer.facts).fact.owner);
  const own = writer.facts.filter(({ fact }) => ownerKey(fact.owner) === owner);
  const [first, second, ...more] = random.sample(own, 2 + random.below(3));
  if (first && second) writer.askListed([first, second, ...more]);
  else if (first) writer.askOne(first);
}

function askSummary(writer: ConversationWriter, random: Random): void {
  const { owner } = random.pick(writer.facts).fact;
  writer.askSummary(owner);
}

/** A question through a relation, for which both facts have been told; else for one fact. */
function askThrough(writer: ConversationWriter, random: Random): void {
  const links = writer.facts.filter(({ fact }) => fact.attribute.isRelation);
  for (const link of random.shuffled(links)) {
    const person = ownerKey({ kind: "named", name: link.fact.value });
    const targets = writer.facts.filter(({ fact }) => ownerKey(fact.owner) === person);
    if (targets.length === 0) continue;
    writer.askThrough(link, random.pick(targets));
    return;
  }
  writer.askOne(random.pick(writer.facts));
}

/** Few questions while facts are told: what a recital must list is easy to follow. */
const RECITAL_MIX: RoundMix = { tell: 0.6, change: 0.06, chat: 0.2, ask: 0.14 };

/** A short conversation that ends with recitals: of all that was told, and of what was told about some owners. */
export function drawRecital(seed: string, options: { rounds: number; split: Split }): Conversation {
  const random = new Random(`recital/${seed}`);
  const preamble = drawPreamble(options.split, random);
  const numOwners = 1 + random.below(4);
  const numTopics = 6 + random.below(12);
  const writer = new ConversationWriter({ random, split: options.split, preamble, numOwners, numTopics });
  while (writer.rounds.length < options.rounds) writeRound(writer, RECITAL_MIX, MAX_RECITED, random);
  const owners = new Map(writer.facts.map(({ fact }) => [ownerKey(fact.owner), fact.owner]));
  const recitals = [
    () => writer.askEverything(),
    ...random.sample([...owners.values()], 2).map((owner) => () => writer.askSummary(owner)),
  ];
  for (const recite of random.shuffled(recitals)) recite();
  return { preamble, rounds: writer.rounds };
}
