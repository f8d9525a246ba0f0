import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../src/index.ts";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import type { RandomModelType } from "../src/lab/random-model/tensor-bytes.ts";
import { conformanceBound, NUM_TOKENS, POSITIONS } from "./support/conformance.ts";
import { logProbabilities, worstDivergence } from "./support/divergence.ts";
import { ATTENTION_BACKENDS } from "./support/parts.ts";
import { Peer } from "./support/peer.ts";
import { randomTokens } from "./support/prompt.ts";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

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

const CASES: readonly (readonly [ModelShapeName, readonly RandomModelType[]])[] = [
  ["tiny-llama", ["F32", "F16", "Q8_0", "Q4_0", "Q4_K"]],
  ["tiny-llama-k", ["F16", "Q4_K", "Q6_K"]],
  ["tiny-qwen2", ["F32", "F16", "Q8_0", "Q4_0"]],
  ["tiny-qwen2-k", ["Q4_K", "Q6_K"]],
  ["tiny-qwen3", ["F32", "F16", "Q8_0", "Q4_0"]],
  ["tiny-qwen3-k", ["Q4_0", "Q4_K", "Q6_K"]],
];

describe.each(CASES)("next-token distributions of %s are llama.cpp's", (shape, types) => {
  test.each(types)("in %s", async (type) => {
    const path = directory.file(`${shape}-${type}.gguf`);
    await writeRandomModel(path, shape, type);
    const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize);
    const expected = await peer.distributions(path, tokens, POSITIONS);
    for (const attentionBackend of ATTENTION_BACKENDS) {
      await using model = await loadModel(path, { threads: 1, attentionBackend });
      const logits = await model.logits(tokens, { positions: POSITIONS });
      const divergence = worstDivergence(expected, logits.map(logProbabilities));
      expect(divergence, `attention by ${attentionBackend}`).toBeLessThan(conformanceBound(type));
    }
  });
});
