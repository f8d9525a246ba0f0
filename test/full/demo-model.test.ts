import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoModelPath } from "../../src/cli/demo-model.ts";
import { loadModel } from "../../src/engine/load-model.ts";
import type { Model } from "../../src/engine/model.ts";
import { drawConversation } from "../../src/lab/dialogues/draw.ts";
import { drawProbe, type Probe } from "../../src/lab/dialogues/probe.ts";
import { scoreReply } from "../../src/lab/dialogues/score.ts";
import { logProbabilities } from "../support/divergence.ts";
import { Peer } from "../support/peer.ts";

const NUM_PROMPTS = 100;
const NUM_STEPS = 200;
/** Candidates closer than this may change places by rounding. */
const NEAR_NATS = 0.02;
const NUM_PROBES = 100;

let model: Model;

beforeAll(async () => {
  model = await loadModel(demoModelPath(), { threads: 1 });
});

afterAll(async () => {
  await model.close();
});

describe("the demo model chooses the tokens that it chooses in llama.cpp", () => {
  test(`on ${NUM_PROMPTS} prompts, over ${NUM_STEPS} steps each, but for near ties`, {
    timeout: 1_200_000,
  }, async () => {
    await using peer = await Peer.start();
    let compared = 0;
    for (let i = 0; i < NUM_PROMPTS; i++) {
      const tokens = conversationTokens(`prompt ${i}`);
      const positions = Array.from({ length: NUM_STEPS }, (_, step) => tokens.length - NUM_STEPS + step);
      const expected = await peer.distributions(model.path, tokens, positions);
      const actual = (await model.logits(tokens, { positions })).map(logProbabilities);
      for (const [step, theirs] of expected.entries()) {
        const ours = actual[step] ?? new Float64Array();
        const [a, b] = [argmax(theirs), argmax(ours)];
        compared++;
        if (a === b) continue;
        expect(Math.abs((theirs[a] ?? 0) - (theirs[b] ?? 0)), `prompt ${i}, step ${step}`).toBeLessThan(
          NEAR_NATS,
        );
      }
    }
    expect(compared).toBe(NUM_PROMPTS * NUM_STEPS);
  });
});

describe("the demo model recalls one fact of a conversation it was never trained on", () => {
  test.each([
    [32, 0.9],
    [64, 0.8],
  ])("told %i rounds before", { timeout: 1_200_000 }, async (between, bar) => {
    let right = 0;
    for (let i = 0; i < NUM_PROBES; i++) {
      const probe = drawProbe(`full test ${i}`, { kind: "one-fact", between });
      if (scoreReply(probe, await answer(probe)).isRight) right++;
    }
    expect(right / NUM_PROBES).toBeGreaterThanOrEqual(bar);
  });
});

async function answer({ preamble, history, question }: Probe): Promise<string> {
  const messages = history.flatMap(({ user, assistant }) => [
    { role: "user", content: user.text },
    { role: "assistant", content: assistant.text },
  ]);
  const system = preamble.system === undefined ? {} : { system: preamble.system };
  await using chat = model.createChat({ ...system, messages, sampling: { temperature: 0 } });
  return (await chat.send(question.user.text, { maxTokens: 60 }).done).text;
}

/** The first tokens of a conversation, at least as many as are compared. */
function conversationTokens(seed: string): number[] {
  const { rounds } = drawConversation(seed, { rounds: 24, split: "held-out" });
  const text = rounds
    .map(({ user, assistant }) => `<|user|>${user.text}<|end|><|assistant|>${assistant.text}<|end|>`)
    .join("");
  const tokens = [...model.vocabulary.encode(`<|bos|>${text}`, { parseSpecial: true })];
  expect(tokens.length).toBeGreaterThan(NUM_STEPS + 8);
  return tokens.slice(0, NUM_STEPS + 40);
}

function argmax(values: Float64Array): number {
  return values.reduce(
    (best, value, i) => (value > (values[best] ?? Number.NEGATIVE_INFINITY) ? i : best),
    0,
  );
}
