import type { Random } from "./random.ts";

/** Given names of people: owners of facts, and values of facts about people. None ends in "s". */
export const PEOPLE: readonly string[] = (
  "Anna Tom Maria Peter Laura Simon Nina Oscar Clara Felix Emma David Julia Martin Sophie Paul Elena Victor Alice Henry " +
  "Sarah Daniel Rosa Leo Hannah Adam Ivy George Olivia Robert Mia Frank Zoe Albert Lucy Edward Grace Oliver Kate Arthur " +
  "Irene Hugo Vera Ben Helen Jack Nora Max"
).split(" ");

/** Kinship words that stand for a person: "my brother". */
export const KIN: readonly string[] = [
  "brother",
  "sister",
  "mother",
  "father",
  "uncle",
  "aunt",
  "cousin",
  "grandmother",
];

/** A list of words that values are drawn from. */
type ListDomain =
  | "petName"
  | "childName"
  | "person"
  | "boatName"
  | "city"
  | "country"
  | "colour"
  | "food"
  | "drink"
  | "fruit"
  | "animal"
  | "sport"
  | "flower"
  | "season"
  | "music"
  | "subject"
  | "job"
  | "company"
  | "instrument"
  | "language"
  | "month"
  | "weekday"
  | "car"
  | "allergy"
  | "place"
  | "gift";

const WORDS: Readonly<Record<ListDomain, string>> = {
  petName:
    "Miso Rex Luna Bella Milo Shadow Ginger Biscuit Pepper Tiger Coco Rocky Daisy Simba Nala Buster Oreo Toffee Mango " +
    "Pixie Ziggy Olive Bandit Maple Peanut Waffle Hazel Dusty Cosmo Poppy",
  childName:
    "Noah Lily Ethan Ella Lucy Theo Ruby Isla Finn Jonah Stella Owen Amelia Caleb Naomi Toby Willow Eli Maya Jasper",
  person: PEOPLE.join(" "),
  boatName: "Aurora Pearl Falcon Neptune Breeze Mermaid Comet Horizon Seagull Victory",
  city:
    "Paris London Rome Berlin Madrid Vienna Oslo Dublin Tokyo Lisbon Prague Cairo Boston Chicago Toronto Sydney Athens " +
    "Warsaw New_York Hong_Kong Cape_Town Buenos_Aires Geneva Milan Seattle Moscow Delhi Lima Denver Hamburg Naples Bergen Kyoto Dallas",
  country:
    "France Italy Spain Japan Canada Brazil Norway Egypt India Mexico Poland Greece Kenya Chile Sweden Peru",
  colour:
    "red blue green yellow purple orange black white pink brown grey silver gold turquoise violet crimson",
  food: "pizza pasta sushi curry soup rice salad lasagne tacos pancakes noodles risotto stew dumplings omelette chocolate",
  drink: "tea coffee water milk lemonade juice wine beer cider cocoa cola smoothie",
  fruit:
    "apples pears cherries plums peaches grapes lemons melons bananas figs kiwis mangoes strawberries apricots",
  animal:
    "cats dogs horses owls foxes bears wolves rabbits dolphins whales penguins tigers lions elephants otters bees",
  sport:
    "tennis football rugby golf hockey chess swimming rowing cycling skiing boxing running climbing sailing",
  flower: "roses tulips lilies daisies orchids violets sunflowers poppies irises dahlias",
  season: "spring summer autumn winter",
  music: "jazz rock opera blues folk soul techno reggae swing pop",
  subject: "history maths physics biology art geography music chemistry latin drama",
  job:
    "baker teacher doctor nurse lawyer farmer pilot painter plumber writer gardener chef judge tailor dentist librarian " +
    "mechanic carpenter cleaner banker sailor singer dancer waiter",
  company: "Acme Globex Initech Umbra Vertex Nimbus Orion Quantum Solaris Zenith Atlas Helix",
  instrument: "piano guitar violin flute drums cello trumpet harp clarinet organ banjo saxophone",
  language:
    "French German Spanish Italian Polish Greek Dutch Danish Swedish Arabic Hindi Korean Turkish Finnish",
  month: "January February March April May June July August September October November December",
  weekday: "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
  car: "Volvo Toyota Fiat Ford Honda Skoda Mazda Tesla Jaguar Bentley Renault Peugeot",
  allergy: "nuts eggs milk wheat shellfish pollen dust cats wool latex soy bees",
  place:
    "kitchen drawer garage attic cellar hallway bedroom office garden shed wardrobe cupboard basement bathroom car " +
    "suitcase backpack desk locker fridge",
  gift: "book watch scarf camera lamp bicycle ring kettle clock tent vase puzzle",
};

/** Where the values of an attribute come from. */
export type Domain = ListDomain | "age" | "code" | "number" | "password";

const LISTS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(WORDS).map(([name, words]) => [
    name,
    words.split(" ").map((word) => word.replace("_", " ")),
  ]),
);

/** Domains of proper names, in which a value may also be a word that nobody has heard before. */
const OPEN_DOMAINS: ReadonlySet<Domain> = new Set<Domain>([
  "petName",
  "childName",
  "boatName",
  "person",
  "city",
  "company",
]);
const COINED_SHARE = 0.25;
/** So often a value of any list is a word that the list does not hold. */
const UNLISTED_SHARE = 0.08;

const ONSETS = "b d f g h j k l m n p r s t v w z br dr kl st".split(" ");
const VOWELS = "a e i o u a e i o ai".split(" ");
const CODAS = ["", "", "", "n", "r", "l", "m", "k"];

/** Letters that are more than one byte long in UTF-8, in place of a plain one. */
const ACCENTED: readonly (readonly [plain: string, accented: string])[] = [
  ["a", "ä"],
  ["a", "å"],
  ["e", "é"],
  ["i", "í"],
  ["o", "ö"],
  ["o", "ø"],
  ["u", "ü"],
  ["n", "ñ"],
];

/** A pronounceable word that no list holds, of two or three syllables, in lower case. */
export function coinWord(random: Random): string {
  const syllables = random.chance(0.9) ? 2 : 3;
  let word = "";
  for (let i = 0; i < syllables; i++) word += random.pick(ONSETS) + random.pick(VOWELS);
  word += random.pick(CODAS);
  return random.chance(0.08) ? word.replace(...random.pick(ACCENTED)) : word;
}

/** A coined word as a name. */
export function coinName(random: Random): string {
  const word = coinWord(random);
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function digits(random: Random, count: number): string {
  let text = String(1 + random.below(9));
  while (text.length < count) text += String(random.below(10));
  return text;
}

/** One value of a domain. */
export function drawValue(domain: Domain, random: Random): string {
  switch (domain) {
    case "age":
      return String(18 + random.below(70));
    case "number":
      return String(2 + random.below(98));
    case "code":
      return digits(random, random.chance(0.5) ? 3 : 4);
    case "password":
      return coinWord(random) + (random.chance(0.4) ? String(random.below(100)) : "");
    default:
      return drawListed(domain, random);
  }
}

function drawListed(domain: ListDomain, random: Random): string {
  if (OPEN_DOMAINS.has(domain) && random.chance(COINED_SHARE)) return coinName(random);
  if (random.chance(UNLISTED_SHARE)) return coinWord(random);
  return random.pick(LISTS.get(domain) ?? []);
}
