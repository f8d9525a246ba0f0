import { describe, expect, test } from "vitest";
import { Metadata } from "../gguf/metadata.ts";
import type { MetadataValue } from "../gguf/metadata-value.ts";
import type { GgufFile } from "../gguf/reader.ts";
import { type Hyperparameters, readHyperparameters } from "./hyperparameters.ts";

const uint32 = (value: number): MetadataValue => ({ type: "uint32", value });
const float32 = (value: number): MetadataValue => ({ type: "float32", value });
const text = (value: string): MetadataValue => ({ type: "string", value });
const perLayer = (...values: readonly number[]): MetadataValue => ({
  type: "array",
  elementType: "uint32",
  value: Uint32Array.from(values),
});

/** Keys without their architecture's prefix. */
const COMPLETE: Readonly<Record<string, MetadataValue>> = {
  block_count: uint32(4),
  context_length: uint32(2_048),
  embedding_length: uint32(96),
  feed_forward_length: uint32(224),
  "attention.head_count": uint32(6),
  "attention.head_count_kv": uint32(2),
  "attention.layer_norm_rms_epsilon": float32(0.5),
};

/** Reads `changes` over complete metadata; a key set to undefined is left out. */
function read(changes: Readonly<Record<string, MetadataValue | undefined>> = {}): Hyperparameters {
  const entries = new Map<string, MetadataValue>([
    ["general.architecture", text("qwen2")],
    ["tokenizer.ggml.tokens", { type: "array", elementType: "string", value: ["a", "b", "c"] }],
  ]);
  for (const [key, value] of Object.entries({ ...COMPLETE, ...changes }))
    if (value !== undefined) entries.set(`qwen2.${key}`, value);
  const file: GgufFile = {
    path: "model.gguf",
    version: 3,
    alignment: 32,
    sizeBytes: 0,
    dataOffset: 0,
    metadata: new Metadata("model.gguf", entries),
    tensors: new Map(),
  };
  return readHyperparameters(file, "neox");
}

describe("sizes", () => {
  test("are read as the file states them", () => {
    expect(read()).toMatchObject({
      architecture: "qwen2",
      numLayers: 4,
      contextLength: 2_048,
      embeddingLength: 96,
      feedForwardLength: 224,
      numHeads: 6,
      numKvHeads: 2,
      vocabularySize: 3,
      normEpsilon: 0.5,
    });
  });

  test("of a head are width over heads unless stated", () => {
    expect(read().headDim).toBe(16);
    expect(read({ "attention.key_length": uint32(48), "attention.value_length": uint32(48) }).headDim).toBe(
      48,
    );
  });

  test("without KV heads give each query head its own", () => {
    expect(read({ "attention.head_count_kv": undefined }).numKvHeads).toBe(6);
  });

  test("stated for each layer count where all are the same", () => {
    expect(read({ "attention.head_count_kv": perLayer(2, 2, 2, 2) }).numKvHeads).toBe(2);
    expect(read({ feed_forward_length: perLayer(224, 224, 224, 224) }).feedForwardLength).toBe(224);
  });

  test("that differ from layer to layer are not supported", () => {
    expect(() => read({ "attention.head_count_kv": perLayer(2, 2, 6, 2) })).toThrow(
      expect.objectContaining({
        code: "MODEL_UNSUPPORTED",
        message: expect.stringContaining("qwen2.attention.head_count_kv that differs from layer to layer"),
      }),
    );
  });

  test.each(Object.keys(COMPLETE).filter((key) => key !== "attention.head_count_kv"))(
    "are asked for: %s",
    (key) => {
      expect(() => read({ [key]: undefined })).toThrow(
        expect.objectContaining({
          code: "MODEL_MISSING_KEY",
          message: expect.stringContaining(`qwen2.${key}`),
        }),
      );
    },
  );

  test.each<[string, MetadataValue]>([
    ["block_count", uint32(0)],
    ["context_length", uint32(2 ** 31)],
    ["embedding_length", float32(96.5)],
    ["feed_forward_length", { type: "int32", value: -224 }],
    ["attention.head_count", uint32(5)],
    ["attention.head_count_kv", uint32(4)],
    ["attention.head_count_kv", perLayer()],
    ["attention.layer_norm_rms_epsilon", float32(-1e-6)],
    ["attention.layer_norm_rms_epsilon", float32(Number.NaN)],
    ["rope.dimension_count", uint32(0)],
    ["rope.dimension_count", uint32(15)],
    ["rope.dimension_count", uint32(32)],
    ["rope.freq_base", float32(0)],
    ["rope.freq_base", float32(Number.POSITIVE_INFINITY)],
    ["rope.scaling.factor", float32(-2)],
    ["rope.scaling.factor", float32(Number.NaN)],
    ["rope.scaling.factor", float32(1e-42)],
    ["rope.scaling.original_context_length", uint32(0)],
  ])("that cannot be are refused: %s %j", (key, value) => {
    expect(() => read({ [key]: value })).toThrow(expect.objectContaining({ code: "MODEL_CORRUPT" }));
  });

  test.each<[string, Record<string, MetadataValue>]>([
    ["values of 8 elements beside keys of 16", { "attention.value_length": uint32(8) }],
    ["a mixture of 4 experts", { expert_count: uint32(4) }],
    ["attention that is not causal", { "attention.causal": { type: "bool", value: false } }],
    ['RoPE scaling "longrope"', { "rope.scaling.type": text("longrope") }],
  ])("of variants that are not computed are refused: %s", (message, keys) => {
    expect(() => read(keys)).toThrow(
      expect.objectContaining({ code: "MODEL_UNSUPPORTED", message: expect.stringContaining(message) }),
    );
  });

  test("of variants that are switched off are taken", () => {
    expect(
      read({ expert_count: uint32(0), "attention.causal": { type: "bool", value: true } }).numLayers,
    ).toBe(4);
  });
});

describe("RoPE", () => {
  test("has llama.cpp's defaults", () => {
    expect(read().rope).toEqual({
      mode: "neox",
      numDims: 16,
      freqBase: 10_000,
      freqScale: 1,
      extFactor: 0,
      attnFactor: 1,
      betaFast: 32,
      betaSlow: 1,
      originalContext: 2_048,
    });
  });

  test("takes its width and base from the file", () => {
    const { rope } = read({ "rope.dimension_count": uint32(8), "rope.freq_base": float32(1_000_000) });
    expect(rope).toMatchObject({ numDims: 8, freqBase: 1_000_000 });
  });

  test.each<[string, Record<string, MetadataValue>, number]>([
    ["linear", { "rope.scaling.type": text("linear"), "rope.scaling.factor": float32(4) }, 0.25],
    ["a factor alone", { "rope.scaling.factor": float32(8) }, 0.125],
    ["the old key", { "rope.scale_linear": float32(2) }, 0.5],
    ["a factor of 0, which is none", { "rope.scaling.factor": float32(0) }, 1],
    ["switched off", { "rope.scaling.type": text("none"), "rope.scaling.factor": float32(4) }, 1],
  ])("divides positions by the factor: %s", (_, keys, freqScale) => {
    expect(read(keys).rope).toMatchObject({ freqScale, extFactor: 0 });
  });

  test("mixes by YaRN where the file says so", () => {
    const { rope } = read({
      "rope.scaling.type": text("yarn"),
      "rope.scaling.factor": float32(4),
      "rope.scaling.original_context_length": uint32(512),
    });
    expect(rope).toMatchObject({ freqScale: 0.25, extFactor: 1, attnFactor: 1, originalContext: 512 });
    expect(rope).toMatchObject({ betaFast: 32, betaSlow: 1 });
  });

  test("takes all of YaRN's numbers from the file", () => {
    const { rope } = read({
      "rope.scaling.type": text("yarn"),
      "rope.scaling.factor": float32(16),
      "rope.scaling.attn_factor": float32(0.75),
      "rope.scaling.yarn_ext_factor": float32(0.5),
      "rope.scaling.yarn_beta_fast": float32(16),
      "rope.scaling.yarn_beta_slow": float32(2),
    });
    expect(rope).toMatchObject({
      freqScale: 1 / 16,
      extFactor: 0.5,
      attnFactor: 0.75,
      betaFast: 16,
      betaSlow: 2,
    });
  });
});
