/** Who a fact is about: the user, a person with a name, or a relative of the user. */
export type Owner =
  | { readonly kind: "user" }
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "kin"; readonly noun: string };

/** Who speaks a sentence: the user says "my cat", the assistant answers "your cat". */
export type Speaker = "user" | "assistant";

export const USER: Owner = { kind: "user" };

/** A key that is equal for equal owners only. */
export function ownerKey(owner: Owner): string {
  switch (owner.kind) {
    case "user":
      return "user";
    case "named":
      return `named:${owner.name}`;
    case "kin":
      return `kin:${owner.noun}`;
  }
}

/** The owner as the subject of a sentence. */
export function subjectForm(owner: Owner, speaker: Speaker): string {
  if (owner.kind === "named") return owner.name;
  const isUser = speaker === "user";
  if (owner.kind === "user") return isUser ? "I" : "you";
  return `${isUser ? "my" : "your"} ${owner.noun}`;
}

/** The owner as an object: "me", "you", "Anna", "my brother". */
export function objectForm(owner: Owner, speaker: Speaker): string {
  if (owner.kind !== "user") return subjectForm(owner, speaker);
  return speaker === "user" ? "me" : "you";
}

/** The owner's possessive: "my", "your", "Anna's", "my brother's". */
export function possessiveForm(owner: Owner, speaker: Speaker): string {
  if (owner.kind !== "user") return `${subjectForm(owner, speaker)}'s`;
  return speaker === "user" ? "my" : "your";
}

const IRREGULAR: Readonly<Record<string, readonly [first: string, second: string, third: string]>> = {
  be: ["am", "are", "is"],
  was: ["was", "were", "was"],
  have: ["have", "have", "has"],
  do: ["do", "do", "does"],
  go: ["go", "go", "goes"],
  study: ["study", "study", "studies"],
};

/** A verb's present form that agrees with the owner ("be" and "was" too). */
export function verbForm(verb: string, owner: Owner, speaker: Speaker): string {
  const forms = IRREGULAR[verb] ?? [verb, verb, `${verb}s`];
  if (owner.kind !== "user") return forms[2];
  return speaker === "user" ? forms[0] : forms[1];
}
