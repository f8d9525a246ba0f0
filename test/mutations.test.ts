import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import { conformanceBound, NUM_TOKENS, POSITIONS } from "./support/conformance.ts";
import { worstDivergence } from "./support/divergence.ts";
import {
  interleavedKvHeads,
  lateMask,
  narrowMask,
  shiftedBatches,
  shiftedQueries,
  swappedStack,
  wideMask,
  withLayer,
  withoutWeight,
  wrongScale,
} from "./support/mutations.ts";
import { Parts, type Replacements } from "./support/parts.ts";
import { Peer } from "./support/peer.ts";
import { randomTokens } from "./support/prompt.ts";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

/**
 * The conformance check of conformance.test.ts, bound and positions included, on models with one thing wrong in
 * each. What it does not catch here it would not catch in the product.
 */

const EVERYWHERE: Readonly<Record<string, Replacements>> = {
  "positions of later batches off by one": shiftedBatches,
  "queries one position off their keys": shiftedQueries,
  "RoPE modes swapped": {
    architecture: (right) => ({
      ...right,
      ropeMode: right.ropeMode === "neox" ? "interleaved" : "neox",
    }),
  },
  "RoPE frequencies of another base": {
    hyperparameters: (h) => ({ ...h, rope: { ...h.rope, freqBase: h.rope.freqBase * 1.5 } }),
  },
  "a mask one too wide": wideMask,
  "a mask one too narrow": narrowMask,
  "a mask that starts one too late": lateMask,
  "another epsilon in the norms": {
    hyperparameters: (h) => ({ ...h, normEpsilon: h.normEpsilon > 5e-6 ? 1e-6 : 1e-5 }),
  },
  "gate and up projection swapped": withLayer(({ weight }) => ({
    weight: (name) =>
      weight(name.replace(/ffn_(gate|up)/, (whole) => (whole === "ffn_up" ? "ffn_gate" : "ffn_up"))),
  })),
};

const BY_SHAPE: readonly (readonly [ModelShapeName, Readonly<Record<string, Replacements>>])[] = [
  [
    "tiny-llama",
    {
      "query heads on the wrong KV heads": interleavedKvHeads,
      "keys and values stacked in the wrong order": swappedStack,
      "RoPE factors left out": withLayer(() => ({ ropeFactors: undefined })),
    },
  ],
  [
    "tiny-qwen2",
    {
      "the query bias left out": withoutWeight("attn_q.bias"),
      "the key bias left out": withoutWeight("attn_k.bias"),
      "the value bias left out": withoutWeight("attn_v.bias"),
    },
  ],
  [
    "tiny-qwen3",
    {
      "the norm of queries left out": withoutWeight("attn_q_norm.weight"),
      "the norm of keys left out": withoutWeight("attn_k_norm.weight"),
      "scores scaled by width over heads": wrongScale,
    },
  ],
];

describe.each(BY_SHAPE)("in %s the conformance check", (shape, own) => {
  const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize);
  let directory: TemporaryDirectory;
  let path: string;
  let expected: readonly Float64Array[];

  beforeAll(async () => {
    directory = await TemporaryDirectory.create();
    path = directory.file("model.gguf");
    await writeRandomModel(path, shape, "F16");
    await using peer = await Peer.start();
    expected = await peer.distributions(path, tokens, POSITIONS);
  });

  afterAll(async () => {
    await directory[Symbol.asyncDispose]();
  });

  async function divergence(replacements: Replacements): Promise<number> {
    using parts = await Parts.load(path, replacements);
    return worstDivergence(expected, await parts.distributions(tokens, POSITIONS));
  }

  test("passes the model as it is", async () => {
    expect(await divergence({})).toBeLessThan(conformanceBound("F16"));
  });

  test.each(Object.entries({ ...EVERYWHERE, ...own }))("catches %s", async (_, replacements) => {
    expect(await divergence(replacements)).toBeGreaterThan(conformanceBound("F16"));
  });
});
