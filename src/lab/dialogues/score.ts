import type { Fact } from "./fact.ts";
import type { Probe } from "./probe.ts";

/** How well a reply answers a probe's question. */
export interface Score {
  /** All values that a right reply names stand in it as words, in order, and it has as many lines. */
  readonly isRight: boolean;
  /** The reply is the expected text, letter by letter. */
  readonly isExact: boolean;
}

/** Scores a reply. A question about the preamble is right when the reply ends with the demanded word. */
export function scoreReply({ question, preamble }: Probe, reply: string): Score {
  const expected = question.assistant.text;
  const isExact = reply === expected;
  if (question.answers.length === 0) {
    return { isRight: preamble.closing !== undefined && reply.endsWith(` ${preamble.closing}.`), isExact };
  }
  const hasSameShape = reply.split("\n").length === expected.split("\n").length;
  return { isRight: hasSameShape && namesInOrder(reply, question.answers), isExact };
}

function namesInOrder(reply: string, answers: readonly string[]): boolean {
  let from = 0;
  for (const answer of answers) {
    const at = findWord(reply, answer, from);
    if (at < 0) return false;
    from = at + answer.length;
  }
  return true;
}

function findWord(text: string, word: string, from: number): number {
  for (let at = text.indexOf(word, from); at >= 0; at = text.indexOf(word, at + 1)) {
    const isWhole = !isWordCharacter(text[at - 1]) && !isWordCharacter(text[at + word.length]);
    if (isWhole) return at;
  }
  return -1;
}

function isWordCharacter(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9]/.test(character);
}

/** What simple strategies would score on a probe, as probabilities: what accuracy must be held against. */
export interface Baselines {
  /** Naming the value told last, whatever it was. */
  readonly copyLast: number;
  /** Naming the value told last for the asked kind of thing (the same attribute, any owner). */
  readonly copyLastOfKind: number;
  /** Naming any told value, each with equal chance. */
  readonly guess: number;
  /** Naming any value told for the asked kind of thing. */
  readonly guessOfKind: number;
}

/** The baselines of a probe: all its answers must be met, each for itself. */
export function baselinesOf({ history, question }: Probe): Baselines {
  const told = history.flatMap(({ told: fact }) => fact ?? []);
  const { asked } = question;
  const product = (share: (fact: Fact) => number): number =>
    asked.reduce((product, fact) => product * share(fact), asked.length > 0 ? 1 : 0);
  const ofKind = (fact: Fact): Fact[] => told.filter(({ attribute }) => attribute.id === fact.attribute.id);
  return {
    copyLast: product((fact) => (told.at(-1)?.value === fact.value ? 1 : 0)),
    copyLastOfKind: product((fact) => (ofKind(fact).at(-1)?.value === fact.value ? 1 : 0)),
    guess: product((fact) => shareOf(fact.value, told)),
    guessOfKind: product((fact) => shareOf(fact.value, ofKind(fact))),
  };
}

function shareOf(value: string, facts: readonly Fact[]): number {
  return facts.filter((fact) => fact.value === value).length / facts.length;
}
