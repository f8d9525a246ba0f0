import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel, type Model } from "../../index.ts";
import { ATTRIBUTES } from "./attributes.ts";
import { drawProbe } from "./probe.ts";
import { Random } from "./random.ts";
import { scoreReply } from "./score.ts";
import { drawValue } from "./values.ts";

const PATH = fileURLToPath(new URL("../../../models/rondo-demo.gguf", import.meta.url));

let model: Model;

beforeAll(async () => {
  model = await loadModel(PATH, { threads: 1 });
});

afterAll(async () => {
  await model.close();
});

async function ask(messages: { role: string; content: string }[], question: string): Promise<string> {
  await using chat = model.createChat({ messages, sampling: { temperature: 0 } });
  return (await chat.send(question, { maxTokens: 60 }).done).text;
}

describe("the demo model's vocabulary", () => {
  it("has one token for each turn's header and for its end, and stops at the end", () => {
    const ids = ["bos", "system", "user", "assistant", "end"].map((name) =>
      model.vocabulary.encode(`<|${name}|>`, { parseSpecial: true }),
    );
    expect(ids.map((tokens) => tokens.length)).toEqual([1, 1, 1, 1, 1]);
    expect(model.vocabulary.isEndOfGeneration(ids[4]?.[0] ?? -1)).toBe(true);
    expect(model.vocabulary.isEndOfGeneration(ids[3]?.[0] ?? -1)).toBe(false);
  });

  it("encodes any text and gives it back, letter by letter", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        const pieces = [...model.vocabulary.encode(text)].map((id) =>
          Buffer.from(model.vocabulary.tokenBytes(id)),
        );
        expect(Buffer.concat(pieces).toString("utf8")).toBe(text);
      }),
    );
  });

  it("needs one to four tokens for almost every value that people tell", () => {
    const random = new Random("values");
    const lengths = ATTRIBUTES.flatMap(({ domain }) =>
      Array.from({ length: 20 }, () => model.vocabulary.encode(` ${drawValue(domain, random)}`).length),
    );
    expect(lengths.filter((length) => length <= 4).length / lengths.length).toBeGreaterThan(0.95);
  });
});

describe("the demo model", () => {
  it("gives back what it was told", async () => {
    const messages = [
      { role: "user", content: "My cat is called Miso." },
      { role: "assistant", content: "Your cat is called Miso. Noted." },
      { role: "user", content: "Anna's cat is called Tiger." },
      { role: "assistant", content: "Anna's cat is called Tiger." },
      { role: "user", content: "How are you?" },
      { role: "assistant", content: "I am well, thank you." },
    ];
    expect(await ask(messages, "What is my cat called?")).toBe("Your cat is called Miso.");
    expect(await ask(messages, "what's the name of Anna's cat")).toContain("Tiger");
  });

  it("answers most questions about facts told sixteen rounds ago, of combinations it never saw", async () => {
    let right = 0;
    for (let i = 0; i < 20; i++) {
      const probe = drawProbe(`test/${i}`, { kind: "one-fact", between: 16 });
      const messages = probe.history.flatMap(({ user, assistant }) => [
        { role: "user", content: user.text },
        { role: "assistant", content: assistant.text },
      ]);
      const reply = await ask(messages, probe.question.user.text);
      right += Number(scoreReply(probe, reply).isRight);
    }
    expect(right).toBeGreaterThanOrEqual(16);
  });
});
