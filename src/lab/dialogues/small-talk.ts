import type { Random } from "./random.ts";
import { coinWord, drawValue, PEOPLE } from "./values.ts";

/** A round in which nothing is told that is asked later. */
export interface SmallTalk {
  readonly user: string;
  readonly assistant: string;
}

const FIXED: readonly (readonly [user: string, assistant: string])[] = [
  ["Hello.", "Hello! How can I help?"],
  ["Hi there.", "Hello! How can I help?"],
  ["Hi", "Hello! How can I help?"],
  ["Good morning.", "Good morning!"],
  ["Good evening.", "Good evening!"],
  ["How are you?", "I am well, thank you."],
  ["How are you today?", "I am well, thank you."],
  ["Thanks.", "You are welcome."],
  ["Thank you very much.", "You are welcome."],
  ["That is nice.", "I am glad to hear it."],
  ["I am tired today.", "Then take a rest."],
  ["I slept badly.", "I am sorry to hear that."],
  ["It is raining again.", "Take an umbrella with you."],
  ["The sun is shining.", "Enjoy the day!"],
  ["It is very cold outside.", "Put on a warm coat."],
  ["I am hungry.", "Have something to eat."],
  ["I had a long day.", "I hope you can relax now."],
  ["Tell me a joke.", "Why did the page turn? It had read enough."],
  ["What can you do?", "I can remember what you tell me."],
  ["Who are you?", "I am Rondo, a small language model."],
  ["What is your name?", "I am Rondo, a small language model."],
  ["I have to wait for the bus.", "I hope it comes soon."],
  ["The train was late again.", "That must be annoying."],
  ["I just finished my work.", "Well done!"],
  ["I won a game today.", "Congratulations!"],
  ["I am a bit sad.", "I am sorry to hear that."],
  ["I am very happy today.", "I am glad to hear it."],
  ["See you later.", "See you later!"],
  ["I am back.", "Welcome back!"],
  ["Let us talk about something else.", "Gladly. What is on your mind?"],
  ["Are you still there?", "Yes, I am here."],
  ["That was funny.", "I am glad you liked it."],
  ["I do not know what to say.", "Take your time."],
  ["The neighbours are loud tonight.", "I hope they stop soon."],
  ["I read a good book.", "Reading is a fine way to relax."],
  ["My phone is broken.", "I hope it can be repaired."],
  ["The traffic was terrible.", "I am glad you arrived."],
  ["I need a break.", "Then take a rest."],
  ["Good night.", "Good night, sleep well!"],
  ["I went for a walk.", "Fresh air is good for you."],
];

type Theme = (random: Random) => SmallTalk;

const THEMES: readonly Theme[] = [
  (random) => {
    const city = drawValue("city", random);
    return { user: `The weather in ${city} is bad.`, assistant: `I hope it gets better in ${city}.` };
  },
  (random) => {
    const food = drawValue("food", random);
    return { user: `We had ${food} for lunch.`, assistant: `I hope the ${food} was good.` };
  },
  (random) => {
    const person = random.pick(PEOPLE);
    return { user: `${person} says hello.`, assistant: `Please greet ${person} from me.` };
  },
  (random) => {
    const person = random.pick(PEOPLE);
    return { user: `I met ${person} this morning.`, assistant: `How is ${person}?` };
  },
  (random) => {
    const sport = drawValue("sport", random);
    return { user: `I watched ${sport} on TV.`, assistant: `I hope the ${sport} was fun to watch.` };
  },
  (random) => {
    const colour = drawValue("colour", random);
    return { user: `Somebody painted the fence ${colour}.`, assistant: `A ${colour} fence looks nice.` };
  },
  (random) => {
    const drink = drawValue("drink", random);
    return { user: `I spilled some ${drink}.`, assistant: `I hope the ${drink} left no stain.` };
  },
  (random) => {
    const day = drawValue("weekday", random);
    return { user: `Is ${day} a good day for a party?`, assistant: `${day} sounds good to me.` };
  },
  (random) => {
    const music = drawValue("music", random);
    return { user: `The radio plays ${music}.`, assistant: `I like ${music} too.` };
  },
  (random) => {
    const country = drawValue("country", random);
    return { user: `I saw a film about ${country}.`, assistant: `A film about ${country} must be nice.` };
  },
  (random) => {
    const number = drawValue("number", random);
    return { user: `There were ${number} people in the shop.`, assistant: `${number} people is a lot.` };
  },
  (random) => {
    const place = drawValue("place", random);
    return { user: `I cleaned the ${place} today.`, assistant: `A clean ${place} is a good feeling.` };
  },
];

const NOT_FOLLOWED = "I see.";
const NOT_KNOWN = "I do not know that.";

/** Talk beyond what the model can learn: it should say so rather than take it for a fact about somebody. */
const BEYOND: readonly Theme[] = [
  (random) => ({
    user: `The capital of ${drawValue("country", random)} is ${drawValue("city", random)}.`,
    assistant: NOT_FOLLOWED,
  }),
  (random) => ({ user: `${drawValue("city", random)} is a nice place.`, assistant: NOT_FOLLOWED }),
  (random) => ({ user: `I think ${drawValue("food", random)} is too expensive.`, assistant: NOT_FOLLOWED }),
  (random) => ({
    user: `The ${drawValue("place", random)} is bigger than the ${drawValue("place", random)}.`,
    assistant: NOT_FOLLOWED,
  }),
  (random) => ({
    user: `I bought a ${drawValue("gift", random)} in ${drawValue("city", random)}.`,
    assistant: NOT_FOLLOWED,
  }),
  (random) => ({
    user: `${random.pick(PEOPLE)} and ${random.pick(PEOPLE)} went to ${drawValue("city", random)}.`,
    assistant: NOT_FOLLOWED,
  }),
  (random) => ({
    user: `A ${drawValue("job", random)} told me about ${coinWord(random)}.`,
    assistant: NOT_FOLLOWED,
  }),
  (random) => ({ user: `What is the capital of ${drawValue("country", random)}?`, assistant: NOT_KNOWN }),
  (random) => ({ user: `How far is it to ${drawValue("city", random)}?`, assistant: NOT_KNOWN }),
  (random) => ({
    user: `What is ${drawValue("number", random)} plus ${drawValue("number", random)}?`,
    assistant: NOT_KNOWN,
  }),
  (random) => ({ user: `Can you explain ${drawValue("subject", random)} to me?`, assistant: NOT_KNOWN }),
  (random) => ({ user: `Who invented the ${drawValue("gift", random)}?`, assistant: NOT_KNOWN }),
];

/** Draws a round of small talk; half of them name things that are also values of facts. */
export function drawSmallTalk(random: Random): SmallTalk {
  const roll = random.float();
  if (roll < 0.2) return random.pick(BEYOND)(random);
  if (roll < 0.6) return random.pick(THEMES)(random);
  const [user, assistant] = random.pick(FIXED);
  return { user, assistant };
}
