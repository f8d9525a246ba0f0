import type { Attribute } from "./attributes.ts";
import { type Owner, ownerKey } from "./owner.ts";
import { hash32 } from "./random.ts";

/** One thing that the user tells: this owner's attribute has this value. */
export interface Fact {
  readonly owner: Owner;
  readonly attribute: Attribute;
  readonly value: string;
}

/** What a fact is about, without its value: facts with equal keys replace one another. */
export function factKey(owner: Owner, attribute: Attribute): string {
  return `${ownerKey(owner)}/${attribute.id}`;
}

/** One combination in this many is kept for evaluation. */
export const HELD_OUT_ONE_IN = 8;

/**
 * Whether a combination of owner, attribute and value is kept for evaluation: no conversation of the
 * training split ever tells it.
 */
export function isHeldOut(fact: Fact): boolean {
  const text = `${factKey(fact.owner, fact.attribute)}/${fact.value.toLowerCase()}`;
  return hash32(`held-out/${text}`) % HELD_OUT_ONE_IN === 0;
}

/** The same for the closing word that a preamble asks for. */
export function isHeldOutClosing(word: string): boolean {
  return hash32(`held-out/closing/${word.toLowerCase()}`) % HELD_OUT_ONE_IN === 0;
}
