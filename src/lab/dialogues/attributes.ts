import type { Domain } from "./values.ts";

/**
 * What a fact is about, with every way of saying it.
 *
 * Templates hold `{S}` the owner as subject, `{P}` the owner's possessive, `{V}` the value, and verbs in
 * braces, which agree with the owner: `{live}` becomes "live" or "lives".
 */
export interface Attribute {
  readonly id: string;
  readonly domain: Domain;
  /** What the owner has, for lists of wishes: "Tell me Anna's {noun}". */
  readonly noun: string;
  /** The sentence in which the assistant notes the fact and answers with it, without its full stop. */
  readonly statement: string;
  /** Other ways in which the user tells it. */
  readonly tellings: readonly string[];
  readonly questions: readonly string[];
  /** Whether the value is a person who may own facts of their own. */
  readonly isRelation: boolean;
}

type Wording = Pick<Attribute, "statement" | "tellings" | "questions">;

function attribute(
  id: string,
  domain: Domain,
  noun: string,
  wording: Wording,
  isRelation = false,
): Attribute {
  return { id, domain, noun, isRelation, ...wording };
}

/** A creature or thing with a name: "my cat is called Miso". */
function called(noun: string, domain: Domain): Attribute {
  return attribute(noun, domain, noun, {
    statement: `{P} ${noun} is called {V}`,
    tellings: [
      `{S} {have} a ${noun} called {V}`,
      `{S} {have} a ${noun} named {V}`,
      `{P} ${noun}'s name is {V}`,
      `the name of {P} ${noun} is {V}`,
      `{P} ${noun} is named {V}`,
    ],
    questions: [
      `what is {P} ${noun} called`,
      `what's {P} ${noun} called`,
      `what is {P} ${noun}'s name`,
      `what is the name of {P} ${noun}`,
      `what did {S} call {P} ${noun}`,
      `how is {P} ${noun} called`,
    ],
  });
}

/** A plain property: "my favourite colour is blue". */
function property(noun: string, domain: Domain, more: Partial<Wording> = {}): Attribute {
  return attribute(noun, domain, noun, {
    statement: more.statement ?? `{P} ${noun} is {V}`,
    tellings: [`the ${noun} of {O} is {V}`, ...(more.tellings ?? [])],
    questions: [
      `what is {P} ${noun}`,
      `what's {P} ${noun}`,
      `what did I say {P} ${noun} is`,
      ...(more.questions ?? []),
    ],
  });
}

/** A person who stands in a relation to the owner: "my boss is Tom". */
function relation(noun: string): Attribute {
  return attribute(
    noun,
    "person",
    noun,
    {
      statement: `{P} ${noun} is {V}`,
      tellings: [`{P} ${noun} is called {V}`, `{S} {have} a ${noun} called {V}`, `the ${noun} of {O} is {V}`],
      questions: [
        `who is {P} ${noun}`,
        `who's {P} ${noun}`,
        `what is the name of {P} ${noun}`,
        `what is {P} ${noun} called`,
      ],
    },
    true,
  );
}

/** A thing that lies somewhere: "my passport is in the drawer". */
function keptIn(noun: string, verb: "is" | "are"): Attribute {
  return attribute(noun, "place", noun, {
    statement: `{P} ${noun} ${verb} in the {V}`,
    tellings: [`{S} put {P} ${noun} in the {V}`, `{S} left {P} ${noun} in the {V}`],
    questions: [
      `where ${verb} {P} ${noun}`,
      `where did {S} put {P} ${noun}`,
      `where did {S} leave {P} ${noun}`,
    ],
  });
}

function favourite(noun: string, domain: Domain): Attribute {
  return property(`favourite ${noun}`, domain, {
    tellings: [`{S} {like} {V} more than any other ${noun}`],
    questions: [`which ${noun} {do} {S} like best`],
  });
}

/** Told by the user and of relatives; of a person with a name it would be told already. */
const NAME: Attribute = property("name", "person", {
  tellings: ["{S} {be} called {V}", "{S} {be} {V}"],
  questions: ["what {be} {S} called", "who {be} {S}"],
});

const ACTIVITIES: readonly Attribute[] = [
  attribute("city", "city", "city", {
    statement: "{S} {live} in {V}",
    tellings: ["{S} {have} a flat in {V}", "{P} home is in {V}"],
    questions: [
      "where {do} {S} live",
      "which city {do} {S} live in",
      "in which city {do} {S} live",
      "where is {P} home",
    ],
  }),
  attribute("birthplace", "city", "birthplace", {
    statement: "{S} {was} born in {V}",
    tellings: ["{P} birthplace is {V}"],
    questions: ["where {was} {S} born", "in which city {was} {S} born", "what is {P} birthplace"],
  }),
  attribute("job", "job", "job", {
    statement: "{S} {work} as a {V}",
    tellings: ["{S} {be} a {V}", "{P} job is {V}"],
    questions: [
      "what {do} {S} do for a living",
      "what is {P} job",
      "what's {P} job",
      "what {do} {S} work as",
    ],
  }),
  attribute("company", "company", "company", {
    statement: "{S} {work} for {V}",
    tellings: ["{P} company is {V}", "{S} {have} a job at {V}"],
    questions: ["which company {do} {S} work for", "who {do} {S} work for"],
  }),
  attribute("instrument", "instrument", "instrument", {
    statement: "{S} {play} the {V}",
    tellings: ["{P} instrument is the {V}"],
    questions: ["which instrument {do} {S} play", "what instrument {do} {S} play", "what is {P} instrument"],
  }),
  attribute("language", "language", "language", {
    statement: "{S} {learn} {V}",
    tellings: ["{S} {study} {V}"],
    questions: ["which language {do} {S} learn", "what language {do} {S} study"],
  }),
  attribute("birthday", "month", "birthday", {
    statement: "{P} birthday is in {V}",
    tellings: ["{S} {have} a birthday in {V}"],
    questions: ["when is {P} birthday", "in which month is {P} birthday", "when's {P} birthday"],
  }),
  attribute("age", "age", "age", {
    statement: "{S} {be} {V} years old",
    tellings: ["{P} age is {V}"],
    questions: ["how old {be} {S}", "what is {P} age"],
  }),
  attribute("car", "car", "car", {
    statement: "{S} {drive} a {V}",
    tellings: ["{P} car is a {V}", "{S} {have} a {V} as a car"],
    questions: ["which car {do} {S} drive", "what car {do} {S} drive", "what is {P} car"],
  }),
  attribute("allergy", "allergy", "allergy", {
    statement: "{S} {be} allergic to {V}",
    tellings: ["{S} {have} an allergy to {V}"],
    questions: ["what {be} {S} allergic to", "which allergy {do} {S} have", "what is {P} allergy"],
  }),
  attribute("holiday", "country", "holiday", {
    statement: "{P} holiday is in {V}",
    tellings: ["{S} {go} to {V} on holiday"],
    questions: ["where is {P} holiday", "where {do} {S} go on holiday"],
  }),
  attribute("meeting", "weekday", "meeting", {
    statement: "{P} meeting is on {V}",
    tellings: ["{S} {have} a meeting on {V}"],
    questions: ["when is {P} meeting", "on which day is {P} meeting", "which day is {P} meeting"],
  }),
  attribute("present", "gift", "present", {
    statement: "{P} present is a {V}",
    tellings: ["{S} {get} a {V} as a present"],
    questions: ["what is {P} present", "which present {do} {S} get"],
  }),
];

/** Everything that people tell about themselves and others. */
export const ATTRIBUTES: readonly Attribute[] = [
  NAME,
  ...["cat", "dog", "horse", "parrot", "rabbit"].map((noun) => called(noun, "petName")),
  ...["son", "daughter"].map((noun) => called(noun, "childName")),
  called("boat", "boatName"),
  favourite("colour", "colour"),
  favourite("food", "food"),
  favourite("drink", "drink"),
  favourite("fruit", "fruit"),
  favourite("animal", "animal"),
  favourite("sport", "sport"),
  favourite("flower", "flower"),
  favourite("season", "season"),
  favourite("music", "music"),
  favourite("subject", "subject"),
  property("door code", "code"),
  property("locker number", "code"),
  property("password", "password"),
  property("wifi password", "password"),
  property("phone number", "code"),
  property("room number", "code"),
  property("lucky number", "number"),
  property("shoe size", "number"),
  ...ACTIVITIES,
  keptIn("passport", "is"),
  keptIn("keys", "are"),
  keptIn("umbrella", "is"),
  keptIn("ticket", "is"),
  ...["boss", "best friend", "doctor", "teacher", "neighbour"].map(relation),
];

/** Whether this can be told of somebody who is spoken of by name. */
export function suitsNamed(attribute: Attribute): boolean {
  return attribute !== NAME;
}
