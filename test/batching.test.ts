import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import type { RandomModelType } from "../src/lab/random-model/tensor-bytes.ts";
import { batchingBound } from "./support/conformance.ts";
import { worstDivergence } from "./support/divergence.ts";
import { evaluateInBands, evaluateWhole } from "./support/layer-bands.ts";
import { ATTENTION_BACKENDS, Parts } from "./support/parts.ts";
import { randomTokens } from "./support/prompt.ts";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

const NUM_TOKENS = 700;
const POSITIONS: readonly number[] = [0, 1, 6, 7, 63, 64, 255, 256, 257, 510, 511, 512, 600, 698, 699];
const BATCH_SIZES: readonly number[] = [7, 64, 511, 512, NUM_TOKENS];

/** A float, a half and two quantised types: one of them repacked, the other not. */
const CASES: readonly (readonly [ModelShapeName, RandomModelType])[] = [
  ["tiny-llama", "F32"],
  ["tiny-qwen2", "F16"],
  ["tiny-qwen3", "Q8_0"],
  ["tiny-llama-k", "Q4_K"],
];

describe.each(CASES)("%s in %s", (shape, type) => {
  const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize);
  let directory: TemporaryDirectory;
  let path: string;

  beforeAll(async () => {
    directory = await TemporaryDirectory.create();
    path = directory.file("model.gguf");
    await writeRandomModel(path, shape, type);
  });

  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
  });

  test.each(ATTENTION_BACKENDS)(
    "reads a prompt in batches of any size as token by token, attention by %s",
    async (attentionBackend) => {
      const read = async (batchTokens: number): Promise<readonly Float64Array[]> => {
        using parts = await Parts.load(path, { attentionBackend, batchTokens });
        return await parts.distributions(tokens, POSITIONS);
      };
      const oneByOne = await read(1);
      for (const size of BATCH_SIZES) {
        const divergence = worstDivergence(oneByOne, await read(size));
        expect(divergence, `batches of ${size}`).toBeLessThan(batchingBound(type, attentionBackend));
      }
    },
  );

  test.each(ATTENTION_BACKENDS)(
    "computes layers in two graphs as in one, attention by %s",
    async (attentionBackend) => {
      using parts = await Parts.load(path, { attentionBackend });
      const lastLayer = parts.decoder.hyperparameters.numLayers - 1;
      // A prompt, two single tokens, another batch.
      const batches = [
        tokens.slice(0, 300),
        tokens.slice(300, 301),
        tokens.slice(301, 302),
        tokens.slice(302, 340),
      ];
      const whole = await evaluateWhole(parts, batches);
      for (let last = 0; last < lastLayer; last++) {
        const split = await evaluateInBands(parts, batches, [
          [0, last],
          [last + 1, lastLayer],
        ]);
        expect(split, `split after layer ${last}`).toEqual(whole);
      }
    },
  );
});
