import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoModelPath } from "../src/cli/demo-model.ts";
import { loadModel } from "../src/engine/load-model.ts";
import type { Model } from "../src/engine/model.ts";
import { liveNative } from "../src/ffi/live.ts";

const GREEDY = { temperature: 0 };

let model: Model;

beforeAll(async () => {
  model = await loadModel(demoModelPath(), { threads: 1 });
});

afterAll(async () => {
  await model.close();
});

describe("a chat with the demo model", () => {
  test("gives back what it was told", async () => {
    await using chat = model.createChat();
    await chat.send("My cat is called Miso.", { sampling: GREEDY }).done;
    await chat.send("Anna lives in Paris.", { sampling: GREEDY }).done;
    const { text, finishReason } = await chat.send("What is my cat called?", { sampling: GREEDY }).done;
    expect(text).toContain("Miso");
    expect(finishReason).toBe("stop");
  });

  test("evaluates in a follow-up only the follow-up's own tokens", async () => {
    await using chat = model.createChat();
    await chat.send("My cat is called Miso.", { sampling: GREEDY }).done;
    const before = model.parts.runner.numEvaluated;
    const kept = chat.numTokens;
    const question = "What is my cat called?";
    const { usage } = await chat.send(question, { sampling: GREEDY }).done;
    const evaluated = model.parts.runner.numEvaluated - before;
    expect(usage.cachedTokens).toBe(kept);
    // Its header, text and end, the assistant's header, then the reply and the end of its turn.
    expect(usage.promptTokens - usage.cachedTokens).toBe(model.vocabulary.encode(question).length + 3);
    expect(evaluated).toBe(usage.promptTokens - usage.cachedTokens + usage.completionTokens);
    expect(chat.numTokens).toBe(kept + evaluated);
  });

  test("says the same as one that reads the whole conversation at once", async () => {
    await using lived = model.createChat({ system: "End every reply with the word Ahoy." });
    for (const text of ["My cat is called Miso.", "Tom's boss is Maria.", "Where do I live?"]) {
      await lived.send(text, { sampling: GREEDY }).done;
    }
    await using read = model.createChat({ messages: lived.messages });
    const question = "Who is Tom's boss?";
    const [a, b] = [
      await lived.send(question, { sampling: GREEDY }).done,
      await read.send(question, { sampling: GREEDY }).done,
    ];
    expect(b.text).toBe(a.text);
    expect(b.usage.cachedTokens).toBe(0);
    expect(b.usage.promptTokens).toBe(a.usage.promptTokens);
  });

  test("streams pieces that together are the reply", async () => {
    await using chat = model.createChat();
    const reply = chat.send("My dog is called Rex.", { sampling: GREEDY });
    let streamed = "";
    for await (const { text } of reply) streamed += text;
    expect(streamed).toBe((await reply.done).text);
    expect(streamed).not.toBe("");
  });

  test("writes the same reply for the same seed", async () => {
    const write = async (seed: number): Promise<string> => {
      await using chat = model.createChat();
      return (
        await chat.send("How are you?", {
          sampling: { temperature: 1.5, topK: 0, topP: 1, minP: 0, seed },
          maxTokens: 24,
        }).done
      ).text;
    };
    expect(await write(7)).toBe(await write(7));
    const others = await Promise.all([8, 9, 10].map(write));
    expect(others.some((text) => text !== others[0])).toBe(true);
  });

  test("keeps what was written when it is stopped, and goes on from there", async () => {
    await using chat = model.createChat();
    const controller = new AbortController();
    const reply = chat.send("My cat is called Miso.", { signal: controller.signal, sampling: GREEDY });
    for await (const _ of reply) {
      controller.abort();
    }
    const stopped = await reply.done;
    expect(stopped.finishReason).toBe("aborted");
    expect(chat.messages.at(-1)).toEqual({ role: "assistant", content: stopped.text });
    const { text, usage } = await chat.send("What is my cat called?", { sampling: GREEDY }).done;
    expect(text).toContain("Miso");
    expect(usage.cachedTokens).toBeGreaterThan(10);
  });

  test("is as it was when it is stopped before the answer begins", async () => {
    await using chat = model.createChat();
    const reply = chat.send("My cat is called Miso.", { signal: AbortSignal.abort() });
    expect(await reply.done).toMatchObject({ finishReason: "aborted", text: "" });
    expect(chat.messages).toEqual([]);
    expect((await chat.send("My cat is called Miso.", { sampling: GREEDY }).done).finishReason).toBe("stop");
  });

  test("ends at a stop string, which is no part of the reply", async () => {
    await using chat = model.createChat();
    const whole = await chat.send("My cat is called Miso.", { sampling: GREEDY }).done;
    await using other = model.createChat();
    const { text, finishReason } = await other.send("My cat is called Miso.", {
      sampling: GREEDY,
      stop: ["Mi"],
    }).done;
    expect(text).toBe(whole.text.slice(0, whole.text.indexOf("Mi")));
    expect(finishReason).toBe("stop");
    expect(other.messages.at(-1)?.content).toBe(text);
  });

  test("stops at the number of tokens asked for", async () => {
    await using chat = model.createChat();
    const { usage, finishReason } = await chat.send("My cat is called Miso.", {
      maxTokens: 3,
      sampling: GREEDY,
    }).done;
    expect(usage.completionTokens).toBe(3);
    expect(finishReason).toBe("length");
  });

  test("reports probabilities that sum to at most one, the chosen token's among the likeliest", async () => {
    await using chat = model.createChat();
    const reply = chat.send("My cat is called Miso.", { sampling: { ...GREEDY, topLogprobs: 5 } });
    const tokens = [];
    for await (const { logprobs = [] } of reply) tokens.push(...logprobs);
    expect(tokens.length).toBeGreaterThan(3);
    for (const { token, logprob, top } of tokens) {
      expect(top[0]).toEqual({ token, logprob });
      expect(top.reduce((sum, entry) => sum + Math.exp(entry.logprob), 0)).toBeLessThanOrEqual(1 + 1e-6);
    }
  });

  test("answers questions that were asked at once one after the other", async () => {
    await using chat = model.createChat();
    const replies = ["My cat is called Miso.", "My dog is called Rex.", "What is my cat called?"].map(
      (text) => chat.send(text, { sampling: GREEDY }),
    );
    const texts = await Promise.all(replies.map(async ({ done }) => (await done).text));
    expect(texts[2]).toContain("Miso");
    expect(chat.messages.length).toBe(6);
  });
});

describe("a chat refuses", () => {
  test("a question that the context does not hold, with both numbers, and stays usable", async () => {
    const small = await loadModel(demoModelPath(), { threads: 1, contextLength: 48 });
    await using chat = small.createChat();
    const long = "My cat is called Miso. ".repeat(20);
    await expect(chat.send(long).done).rejects.toMatchObject({
      code: "CONTEXT_FULL",
      message: expect.stringMatching(/\d+ tokens.* 48 /),
    });
    expect((await chat.send("My cat is called Miso.", { sampling: GREEDY }).done).text).not.toBe("");
    await small.close();
  });

  test("options that do not exist or cannot be", async () => {
    await using chat = model.createChat();
    expect(() => chat.send("x", { sampling: { temprature: 1 } as object })).toThrow(/temperature/);
    expect(() => chat.send("x", { maxTokens: 0 })).toThrow(/maxTokens/);
    expect(() => model.createChat({ sampling: { topP: 2 } })).toThrow(/topP/);
  });

  test("to answer once it or its model is closed", async () => {
    const other = await loadModel(demoModelPath(), { threads: 1 });
    const chat = other.createChat();
    await chat.close();
    await expect(chat.send("x").done).rejects.toMatchObject({ code: "DISPOSED" });
    await other.close();
    expect(() => other.createChat()).toThrow(expect.objectContaining({ code: "DISPOSED" }));
  });
});

test("models and chats leave nothing in native memory", async () => {
  const before = liveNative();
  for (let i = 0; i < 10; i++) {
    const other = await loadModel(demoModelPath(), { threads: 1 });
    const chat = other.createChat();
    await chat.send("My cat is called Miso.", { maxTokens: 2 }).done;
    await other.close();
  }
  expect(liveNative()).toEqual(before);
});
