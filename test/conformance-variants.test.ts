import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../src/index.ts";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import { RandomSource } from "../src/lab/random-model/random-source.ts";
import { MODEL_SHAPES, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import type { RandomModelType } from "../src/lab/random-model/tensor-bytes.ts";
import { conformanceBound } from "./support/conformance.ts";
import { logProbabilities, worstDivergence } from "./support/divergence.ts";
import {
  type EditableGguf,
  editGguf,
  float32,
  readEditable,
  text,
  uint32,
  vectorTensor,
} from "./support/gguf-edit.ts";
import { ATTENTION_BACKENDS, type AttentionBackend } from "./support/parts.ts";
import { Peer } from "./support/peer.ts";
import { randomTokens } from "./support/prompt.ts";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

const NUM_TOKENS = 800;
const POSITIONS: readonly number[] = [0, 1, 7, 63, 255, 256, 400, 511, 512, 700, 798, 799];

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

interface Variant {
  readonly shape: ModelShapeName;
  readonly type: RandomModelType;
  /** Edits the file of that shape and type; `read` yields the same shape in another type. */
  change(gguf: EditableGguf, read: (type: RandomModelType) => Promise<EditableGguf>): void | Promise<void>;
}

/** Replaces the tensors whose names match by those of the same model in another type. */
function mix(type: RandomModelType, names: RegExp): Variant["change"] {
  return async (gguf, read) => {
    for (const tensor of (await read(type)).tensors.values())
      if (names.test(tensor.name)) gguf.tensors.set(tensor.name, tensor);
  };
}

function addVector(gguf: EditableGguf, name: string, length: number): void {
  const random = new RandomSource(7, name);
  const values = Array.from({ length }, () => 0.05 * random.normal());
  gguf.tensors.set(name, vectorTensor(name, values));
}

function scaling(architecture: string, keys: Readonly<Record<string, number | string>>): Variant["change"] {
  return ({ metadata }) => {
    for (const [key, value] of Object.entries(keys)) {
      const isCount = key.endsWith("length");
      const entry = typeof value === "string" ? text(value) : isCount ? uint32(value) : float32(value);
      metadata.set(`${architecture}.rope.scaling.${key}`, entry);
    }
  };
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  "values and down projections in a finer type, as Q4_K_M files have them": {
    shape: "tiny-llama-k",
    type: "Q4_K",
    change: mix("Q6_K", /attn_v|ffn_down/),
  },
  "a key projection in another type than its neighbours": {
    shape: "tiny-qwen2",
    type: "Q4_0",
    change: mix("Q8_0", /attn_k\.weight/),
  },
  "an embedding in a finer type than the layers": {
    shape: "tiny-qwen3",
    type: "Q4_0",
    change: mix("F16", /token_embd|output\.weight/),
  },
  "an up projection in another type than the gate": {
    shape: "tiny-llama",
    type: "F16",
    change: mix("F32", /ffn_up/),
  },
  "llama with biases on queries, keys and values": {
    shape: "tiny-llama",
    type: "F16",
    change: (gguf) => {
      const { numLayers, numHeads, numKvHeads, headDim } = MODEL_SHAPES["tiny-llama"];
      for (let layer = 0; layer < numLayers; layer++) {
        addVector(gguf, `blk.${layer}.attn_q.bias`, numHeads * headDim);
        addVector(gguf, `blk.${layer}.attn_k.bias`, numKvHeads * headDim);
        addVector(gguf, `blk.${layer}.attn_v.bias`, numKvHeads * headDim);
      }
    },
  },
  "positions scaled linearly": {
    shape: "tiny-llama",
    type: "F16",
    change: scaling("llama", { type: "linear", factor: 4 }),
  },
  YaRN: {
    shape: "tiny-qwen2",
    type: "F16",
    change: scaling("qwen2", { type: "yarn", factor: 4, original_context_length: 256 }),
  },
  "YaRN with a magnitude of its own": {
    shape: "tiny-qwen3",
    type: "F16",
    change: scaling("qwen3", { type: "yarn", factor: 8, original_context_length: 128, attn_factor: 0.9 }),
  },
  "scaling stated and switched off": {
    shape: "tiny-qwen2",
    type: "F16",
    change: scaling("qwen2", { type: "none", factor: 4 }),
  },
  "head sizes left to width over heads": {
    shape: "tiny-qwen2",
    type: "F16",
    change: ({ metadata }) => {
      metadata.delete("qwen2.attention.key_length");
      metadata.delete("qwen2.attention.value_length");
      metadata.delete("qwen2.rope.dimension_count");
    },
  },
};

/** Eight heads of 24 elements in place of four of 48. */
function narrowHeads({ metadata, tensors }: EditableGguf): void {
  for (const key of ["attention.key_length", "attention.value_length", "rope.dimension_count"])
    metadata.set(`qwen3.${key}`, uint32(24));
  metadata.set("qwen3.attention.head_count", uint32(8));
  metadata.set("qwen3.attention.head_count_kv", uint32(8));
  for (const [name, tensor] of tensors) {
    if (!/attn_[qk]_norm/.test(name)) continue;
    tensors.set(name, { ...tensor, shape: [24], bytes: tensor.bytes.slice(0, 24 * 4) });
  }
}

describe("next-token distributions are llama.cpp's with", () => {
  async function write({ shape, type, change }: Variant): Promise<string> {
    const original = directory.file("original.gguf");
    const path = directory.file("variant.gguf");
    await writeRandomModel(original, shape, type);
    await editGguf(original, path, (gguf) =>
      change(gguf, async (other) => {
        const file = directory.file("other.gguf");
        await writeRandomModel(file, shape, other);
        return readEditable(file);
      }),
    );
    return path;
  }

  async function divergences(
    path: string,
    { shape }: Variant,
    backends: readonly (AttentionBackend | undefined)[],
  ): Promise<readonly number[]> {
    const tokens = randomTokens(NUM_TOKENS, MODEL_SHAPES[shape].vocabularySize);
    const expected = await peer.distributions(path, tokens, POSITIONS);
    const found: number[] = [];
    for (const attentionBackend of backends) {
      const options = attentionBackend === undefined ? {} : { attentionBackend };
      await using model = await loadModel(path, { threads: 1, ...options });
      const logits = await model.logits(tokens, { positions: POSITIONS });
      found.push(worstDivergence(expected, logits.map(logProbabilities)));
    }
    return found;
  }

  test.each(Object.entries(VARIANTS))("%s", async (_, variant) => {
    const path = await write(variant);
    for (const divergence of await divergences(path, variant, ATTENTION_BACKENDS))
      expect(divergence).toBeLessThan(conformanceBound(variant.type));
  });

  test("heads of a width that the kernel has no code for", async () => {
    const variant: Variant = { shape: "tiny-qwen3", type: "F16", change: narrowHeads };
    const path = await write(variant);
    const [divergence] = await divergences(path, variant, [undefined]);
    expect(divergence).toBeLessThan(conformanceBound("F16"));
    if (ATTENTION_BACKENDS.includes("kernel"))
      await expect(loadModel(path, { attentionBackend: "kernel" })).rejects.toMatchObject({
        code: "MODEL_UNSUPPORTED",
      });
  });
});
