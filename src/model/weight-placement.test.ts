import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import { liveNative } from "../ffi/live.ts";
import { Metadata } from "../gguf/metadata.ts";
import type { GgufFile } from "../gguf/reader.ts";
import type { TensorInfo } from "../gguf/tensor-info.ts";
import { type TensorTypeName, tensorBytes, tensorType } from "../gguf/tensor-types.ts";
import { llama } from "./architectures/llama.ts";
import { qwen2 } from "./architectures/qwen2.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import { modelTensors } from "./tensor-spec.ts";
import { type PlacedWeight, placedBytes, placeWeights } from "./weight-placement.ts";

const H: Hyperparameters = {
  architecture: "llama",
  numLayers: 2,
  contextLength: 128,
  embeddingLength: 256,
  feedForwardLength: 512,
  numHeads: 8,
  numKvHeads: 2,
  headDim: 32,
  vocabularySize: 320,
  normEpsilon: 1e-5,
  rope: {
    mode: "interleaved",
    numDims: 32,
    freqBase: 10_000,
    freqScale: 1,
    extFactor: 0,
    attnFactor: 1,
    betaFast: 32,
    betaSlow: 1,
    originalContext: 128,
  },
};

/** The type of the tensor of that name, given what it would be; undefined leaves it out. */
type TypeOf = (name: string, type: TensorTypeName) => TensorTypeName | undefined;

/** The header of a complete llama file without data; `typeOf` may change types, or leave tensors out. */
function fileWith(matrixType: TensorTypeName, typeOf: TypeOf): GgufFile {
  const layers = [0, 1].flatMap((layer) =>
    llama.layerTensors(H).map((spec) => ({ ...spec, name: `blk.${layer}.${spec.name}` })),
  );
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape, role, optional } of [...modelTensors(H), ...layers]) {
    const type = optional === true ? undefined : typeOf(name, role === "vector" ? "F32" : matrixType);
    if (type !== undefined) tensors.set(name, infoOf(name, type, shape));
  }
  return {
    path: "model.gguf",
    version: 3,
    alignment: 32,
    sizeBytes: 0,
    dataOffset: 0,
    metadata: new Metadata("model.gguf", new Map()),
    tensors,
  };
}

function infoOf(name: string, type: TensorTypeName, shape: readonly number[]): TensorInfo {
  const sizeBytes = tensorBytes(type, shape);
  return { name, type, typeId: tensorType(type).id, shape, offsetBytes: 0, sizeBytes };
}

/** `file` with one more tensor. */
function adding(file: GgufFile, info: TensorInfo): GgufFile {
  return { ...file, tensors: new Map([...file.tensors, [info.name, info]]) };
}

const asIs: TypeOf = (_, type) => type;

function except(changes: Readonly<Record<string, TensorTypeName | undefined>>): TypeOf {
  return (name, type) => (Object.hasOwn(changes, name) ? changes[name] : type);
}

let backend: CpuBackend;

beforeAll(() => {
  backend = new CpuBackend({ threads: 1 });
});

afterAll(() => {
  backend[Symbol.dispose]();
});

function place(file: GgufFile): ReadonlyMap<string, PlacedWeight> {
  return new Map(placeWeights(file, llama, H, backend).map((weight) => [weight.name, weight]));
}

describe("projections over the same input", () => {
  test("are stacked, row after row, in the order in which the layer reads them", () => {
    const placed = place(fileWith("F16", asIs));
    const qkv = placed.get("blk.1.attn_qkv.weight");
    expect(qkv?.shape).toEqual([256, 256 + 64 + 64]);
    expect(qkv?.parts.map(({ name }) => name)).toEqual([
      "blk.1.attn_q.weight",
      "blk.1.attn_k.weight",
      "blk.1.attn_v.weight",
    ]);
    expect(placed.get("blk.0.ffn_gate_up.weight")?.shape).toEqual([256, 1_024]);
    expect(placed.has("blk.1.attn_q.weight")).toBe(false);
    expect(placed.has("blk.0.ffn_up.weight")).toBe(false);
  });

  test("lie apart where one has another type, and so do the biases of such projections", () => {
    let file = fileWith("F16", except({ "blk.0.attn_v.weight": "F32" }));
    for (const [name, length] of [
      ["q", 256],
      ["k", 64],
      ["v", 64],
    ] as const) {
      for (const layer of [0, 1])
        file = adding(file, infoOf(`blk.${layer}.attn_${name}.bias`, "F32", [length]));
    }
    const names = new Set(placeWeights(file, qwen2, H, backend).map(({ name }) => name));
    for (const name of ["q", "k", "v"]) {
      expect(names).toContain(`blk.0.attn_${name}.weight`);
      expect(names).toContain(`blk.0.attn_${name}.bias`);
    }
    expect(names).not.toContain("blk.0.attn_qkv.weight");
    expect(names).not.toContain("blk.0.attn_qkv.bias");
    expect(names).toContain("blk.1.attn_qkv.weight");
    expect(names).toContain("blk.1.attn_qkv.bias");
  });

  test("lie apart where only some have a bias", () => {
    const file = adding(fileWith("F16", asIs), infoOf("blk.0.attn_q.bias", "F32", [256]));
    const placed = place(file);
    expect(placed.has("blk.0.attn_q.weight")).toBe(true);
    expect(placed.has("blk.0.attn_q.bias")).toBe(true);
    expect(placed.has("blk.1.attn_qkv.weight")).toBe(true);
  });

  test("take each tensor of the file once, and its bytes with it", () => {
    const file = fileWith("Q8_0", asIs);
    const placed = [...place(file).values()];
    const parts = placed.flatMap(({ parts }) => parts.map(({ name }) => name));
    const others = parts.filter((name) => name !== "token_embd.weight");
    expect(new Set(parts)).toEqual(new Set(file.tensors.keys()));
    expect(others).toHaveLength(new Set(others).size);
    for (const weight of placed)
      expect(placedBytes(weight)).toBe(tensorBytes(weight.parts[0]?.type ?? "F32", weight.shape));
  });
});

describe("repacking", () => {
  // Which types can be repacked depends on the processor; none of these ever can.
  test.each<TensorTypeName>(["F32", "F16", "BF16"])("is nothing for %s", (type) => {
    expect([...place(fileWith(type, asIs)).values()].some(({ isRepacked }) => isRepacked)).toBe(false);
  });

  test("is for matrices only: never for the embedding or vectors", () => {
    const placed = place(fileWith("Q4_0", asIs));
    expect(placed.get("token_embd.weight")?.isRepacked).toBe(false);
    expect(placed.get("output_norm.weight")?.isRepacked).toBe(false);
  });

  test("of a tied embedding takes a second copy, which serves as output", () => {
    const placed = place(fileWith("Q4_0", asIs));
    const canRepack = placed.get("blk.0.ffn_down.weight")?.isRepacked === true;
    const output = placed.get("output.weight");
    expect(output?.isRepacked).toBe(canRepack ? true : undefined);
    expect(output?.parts[0]?.name).toBe(canRepack ? "token_embd.weight" : undefined);
  });

  test("needs no second copy where the output has its own matrix", () => {
    const own = infoOf("output.weight", "Q4_0", [256, 320]);
    const placed = placeWeights(adding(fileWith("Q4_0", asIs), own), llama, H, backend);
    const outputs = placed.filter(({ name }) => name === "output.weight");
    expect(outputs).toHaveLength(1);
    expect(outputs[0]?.parts).toEqual([own]);
  });
});

describe("a file is refused", () => {
  test.each<[string, TensorTypeName]>([
    ["token_embd.weight", "I32"],
    ["token_embd.weight", "Q8_K"],
    ["blk.1.attn_output.weight", "F64"],
    ["blk.1.attn_output.weight", "Q8_1"],
    ["blk.0.ffn_norm.weight", "F16"],
    ["output_norm.weight", "F64"],
  ])("for %s of type %s", (name, type) => {
    expect(() => place(fileWith("F16", except({ [name]: type })))).toThrow(
      expect.objectContaining({
        code: "MODEL_UNSUPPORTED",
        message: expect.stringContaining(`the tensor "${name}" has type ${type}`),
      }),
    );
  });

  test("for a tensor that is missing", () => {
    expect(() => place(fileWith("F16", except({ "blk.1.ffn_gate.weight": undefined })))).toThrow(
      expect.objectContaining({
        code: "MODEL_MISSING_TENSOR",
        message: expect.stringContaining('"blk.1.ffn_gate.weight" is missing'),
      }),
    );
  });

  test.each([[[256]], [[256, 320, 1]], [[320, 256]], [[255, 320]]])(
    "for an embedding of shape %j",
    (shape) => {
      const file = adding(fileWith("F16", asIs), infoOf("token_embd.weight", "F16", shape));
      expect(() => place(file)).toThrow(expect.objectContaining({ code: "MODEL_WRONG_SHAPE" }));
    },
  );

  test.each(["blk.0.ffn_up.bias", "blk.2.attn_norm.weight", "something.else"])(
    "for the tensor %s, which nothing reads",
    (name) => {
      const file = adding(fileWith("F16", asIs), infoOf(name, "F32", [512]));
      expect(() => place(file)).toThrow(
        expect.objectContaining({ code: "MODEL_UNSUPPORTED", message: expect.stringContaining(name) }),
      );
    },
  );

  test("or taken without leaving anything of its probes behind", () => {
    const before = liveNative();
    for (let i = 0; i < 50; i++) {
      place(fileWith("Q4_K", asIs));
      expect(() => place(fileWith("F16", except({ "output_norm.weight": "F16" })))).toThrow();
    }
    expect(liveNative()).toEqual(before);
  });
});
