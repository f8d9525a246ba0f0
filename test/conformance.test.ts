import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import type { RandomModelType } from "../src/lab/random-model/tensor-bytes.ts";
import { conformanceBound, NUM_TOKENS, POSITIONS } from "./support/conformance.ts";
import { worstDivergence } from "./support/divergence.ts";
import { CACHES, Parts } from "./support/parts.ts";
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
    for (const [attention, newCache] of Object.entries(CACHES)) {
      using parts = await Parts.load(path, { newCache });
      const actual = await parts.distributions(tokens, POSITIONS);
      expect(worstDivergence(expected, actual), `attention by ${attention}`).toBeLessThan(
        conformanceBound(type),
      );
    }
  });
});
