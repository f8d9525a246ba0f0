import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { AttentionBatch } from "../src/ffi/kernel/attention-batch.ts";
import type { AttentionEntry } from "../src/ffi/kernel/segment-table.ts";
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
import { ATTENTION_BACKENDS, Parts, type PartsOptions, type Replacements } from "./support/parts.ts";
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

/** What each attention computes from of its own: ggml's from a mask, the kernel from the entries of a batch. */
const GGML_MASKS: Readonly<Record<string, Replacements>> = {
  "a mask one too wide": wideMask,
  "a mask one too narrow": narrowMask,
  "a mask that starts one too late": lateMask,
};
const KERNEL_ENTRIES: Readonly<Record<string, (entry: AttentionEntry) => AttentionEntry>> = {
  "a causal mask left out": (entry) => ({
    ...entry,
    segments: entry.segments.map((segment) => ({ ...segment, causal: false })),
  }),
  "a page left unread": (entry) => ({ ...entry, segments: entry.segments.slice(-2) }),
};
/** Off by one, an entry would not see what it writes where it writes it: the kernel's own check refuses that. */
const REFUSED_ENTRIES: Readonly<Record<string, (entry: AttentionEntry) => AttentionEntry>> = {
  "a mask one too wide": (entry) => ({ ...entry, position: entry.position + 1 }),
  "a mask one too narrow": (entry) => ({ ...entry, position: Math.max(0, entry.position - 1) }),
};

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

  async function divergence(options: PartsOptions): Promise<number> {
    using parts = await Parts.load(path, options);
    return worstDivergence(expected, await parts.distributions(tokens, POSITIONS));
  }

  test.each(ATTENTION_BACKENDS)("passes the model as it is, attention by %s", async (attentionBackend) => {
    expect(await divergence({ attentionBackend })).toBeLessThan(conformanceBound("F16"));
  });

  test.each(Object.entries({ ...EVERYWHERE, ...own }))("catches %s", async (_, replacements) => {
    expect(await divergence(replacements)).toBeGreaterThan(conformanceBound("F16"));
  });

  test.each(Object.entries(GGML_MASKS))("catches %s, attention by ggml", async (_, replacements) => {
    const d = await divergence({ ...replacements, attentionBackend: "ggml" });
    expect(d).toBeGreaterThan(conformanceBound("F16"));
  });

  // Needs a build of the kernel, which a machine without a C++ compiler has not.
  describe.skipIf(!ATTENTION_BACKENDS.includes("kernel"))("with attention by the kernel", () => {
    const right = AttentionBatch.prototype.update;

    function divergenceOf(change: (entry: AttentionEntry) => AttentionEntry): Promise<number> {
      vi.spyOn(AttentionBatch.prototype, "update").mockImplementation(function (
        this: AttentionBatch,
        entries: readonly AttentionEntry[],
      ) {
        right.call(this, entries.map(change));
      });
      return divergence({ attentionBackend: "kernel" });
    }

    afterEach(() => {
      vi.restoreAllMocks();
    });

    test("passes entries as they are", async () => {
      expect(await divergenceOf((entry) => entry)).toBeLessThan(conformanceBound("F16"));
    });

    test.each(Object.entries(KERNEL_ENTRIES))("catches %s", async (_, change) => {
      expect(await divergenceOf(change)).toBeGreaterThan(conformanceBound("F16"));
    });

    test.each(Object.entries(REFUSED_ENTRIES))("never gets to see %s", async (_, change) => {
      await expect(divergenceOf(change)).rejects.toThrow(RangeError);
    });
  });
});
