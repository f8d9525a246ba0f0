import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../../src/index.ts";
import { writeRandomModel } from "../../src/lab/random-model/random-model.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../../src/lab/random-model/shapes.ts";
import { RANDOM_MODEL_TYPES, type RandomModelType } from "../../src/lab/random-model/tensor-bytes.ts";
import { conformanceBound, NUM_TOKENS, POSITIONS } from "../support/conformance.ts";
import { logProbabilities, worstDivergence } from "../support/divergence.ts";
import { ATTENTION_BACKENDS, Parts } from "../support/parts.ts";
import { Peer } from "../support/peer.ts";
import { randomTokens } from "../support/prompt.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

let peer: Peer;
let directory: TemporaryDirectory;

beforeAll(async () => {
  peer = await Peer.start();
  directory = await TemporaryDirectory.create();
});

afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

/** The largest divergence from llama.cpp, by what computes attention. */
async function divergences(
  path: string,
  tokens: readonly number[],
  positions: readonly number[],
): Promise<Readonly<Record<string, number>>> {
  const expected = await peer.distributions(path, tokens, positions);
  const found: Record<string, number> = {};
  for (const attentionBackend of ATTENTION_BACKENDS) {
    await using model = await loadModel(path, { threads: 1, attentionBackend });
    const logits = await model.logits(tokens, { positions });
    found[attentionBackend] = worstDivergence(expected, logits.map(logProbabilities));
  }
  return found;
}

const TINY: readonly ModelShapeName[] = [
  "tiny-llama",
  "tiny-llama-k",
  "tiny-qwen2",
  "tiny-qwen2-k",
  "tiny-qwen3",
  "tiny-qwen3-k",
];

describe.each(TINY)("%s agrees with llama.cpp over 2,000 tokens", (shape) => {
  test.each(RANDOM_MODEL_TYPES)("in %s, whatever the random numbers", async (type) => {
    for (const seed of [2, 3, 4]) {
      const path = directory.file("model.gguf");
      await writeRandomModel(path, shape, type, { seed });
      const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize, seed);
      for (const [attention, divergence] of Object.entries(await divergences(path, tokens, POSITIONS)))
        expect(divergence, `seed ${seed}, attention by ${attention}`).toBeLessThan(conformanceBound(type));
    }
  });
});

/** Real sizes, each in the type in which it is used most, and in one of the others. */
const REAL: readonly (readonly [ModelShapeName, RandomModelType])[] = [
  ["qwen2.5-0.5b", "Q4_0"],
  ["qwen2.5-0.5b", "F16"],
  ["llama-3.2-1b", "Q4_K"],
  ["qwen3-0.6b", "Q8_0"],
  ["qwen3-0.6b", "Q6_K"],
];

describe("a model of real size agrees with llama.cpp", () => {
  test.each(REAL)("%s in %s", async (shape, type) => {
    const path = directory.file("real.gguf");
    await writeRandomModel(path, shape, type);
    const tokens = randomTokens(600, MODEL_SHAPES[shape].vocabularySize);
    const positions = [0, 1, 100, 511, 512, 599];
    for (const [attention, divergence] of Object.entries(await divergences(path, tokens, positions)))
      expect(divergence, `attention by ${attention}`).toBeLessThan(conformanceBound(type));
  });
});

describe("a prompt of 2,000 tokens, read token by token,", () => {
  test.each<[ModelShapeName, RandomModelType]>([
    ["tiny-llama", "F32"],
    ["tiny-qwen2-k", "F32"],
    ["tiny-qwen3", "F32"],
    ["tiny-qwen3-k", "Q4_K"],
  ])("agrees with llama.cpp in %s, %s", async (shape, type) => {
    const path = directory.file("model.gguf");
    await writeRandomModel(path, shape, type);
    const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize);
    const expected = await peer.distributions(path, tokens, POSITIONS);
    for (const attentionBackend of ATTENTION_BACKENDS) {
      using parts = await Parts.load(path, { attentionBackend, batchTokens: 1 });
      const actual = await parts.distributions(tokens, POSITIONS);
      expect(worstDivergence(expected, actual), `attention by ${attentionBackend}`).toBeLessThan(
        conformanceBound(type),
      );
    }
  });
});
