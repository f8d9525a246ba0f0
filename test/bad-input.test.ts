import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RondoError, type RondoErrorCode } from "../src/core/errors.ts";
import { liveNative } from "../src/ffi/live.ts";
import { tensorBytes } from "../src/gguf/tensor-types.ts";
import { loadModel, type Model } from "../src/index.ts";
import { writeRandomModel } from "../src/lab/random-model/random-model.ts";
import {
  type EditableGguf,
  editGguf,
  float32,
  type LoadedTensor,
  text,
  uint32,
  vectorTensor,
} from "./support/gguf-edit.ts";
import { TemporaryDirectory } from "./support/temporary-directory.ts";

const NUM_REPEATS = 60;
/** What the process may grow by over all repeats; a leak of one model a repeat would be over 100 MB. */
const MAX_GROWTH_BYTES = 48 * 2 ** 20;

let directory: TemporaryDirectory;
let sound: string;

beforeAll(async () => {
  directory = await TemporaryDirectory.create();
  sound = directory.file("sound.gguf");
  await writeRandomModel(sound, "tiny-llama", "F32");
});

afterAll(async () => {
  await directory[Symbol.asyncDispose]();
});

/** The error that loading `path` ends with. */
async function refusal(path: string): Promise<unknown> {
  try {
    await using model = await loadModel(path, { threads: 1 });
    return `loaded ${model.path}`;
  } catch (error) {
    return error;
  }
}

interface BadFile {
  readonly code: RondoErrorCode;
  /** What the message names: the thing at fault. */
  readonly names: string;
  readonly make: (path: string) => Promise<void>;
}

function edited(change: (gguf: EditableGguf) => void): BadFile["make"] {
  return (path) => editGguf(sound, path, change);
}

function retyped(gguf: EditableGguf, name: string, type: LoadedTensor["type"]): void {
  const tensor = gguf.tensors.get(name);
  if (tensor === undefined) throw new RangeError(`no tensor ${name}`);
  gguf.tensors.set(name, { ...tensor, type, bytes: new Uint8Array(tensorBytes(type, tensor.shape)) });
}

function reshaped(gguf: EditableGguf, name: string, shape: readonly number[]): void {
  const tensor = gguf.tensors.get(name);
  if (tensor === undefined) throw new RangeError(`no tensor ${name}`);
  gguf.tensors.set(name, { ...tensor, shape, bytes: new Uint8Array(tensorBytes(tensor.type, shape)) });
}

const BAD_FILES: Readonly<Record<string, BadFile>> = {
  "a text": {
    code: "MODEL_NOT_GGUF",
    names: "GGUF",
    make: (path) => writeFile(path, "# Not a model\n".repeat(100)),
  },
  "an empty file": { code: "MODEL_NOT_GGUF", names: "empty", make: (path) => writeFile(path, "") },
  "a file cut within its header": {
    code: "MODEL_TRUNCATED",
    names: "download",
    make: async (path) => writeFile(path, (await readFile(sound)).subarray(0, 300)),
  },
  "a file cut within its tensors": {
    code: "MODEL_TRUNCATED",
    names: "download",
    make: async (path) => writeFile(path, (await readFile(sound)).subarray(0, -100_000)),
  },
  "an unknown architecture": {
    code: "MODEL_UNSUPPORTED",
    names: 'architecture is "mamba"; supported are llama, qwen2, qwen3',
    make: edited(({ metadata }) => void metadata.set("general.architecture", text("mamba"))),
  },
  "a mixture of experts": {
    code: "MODEL_UNSUPPORTED",
    names: "8 experts",
    make: edited(({ metadata }) => void metadata.set("llama.expert_count", uint32(8))),
  },
  "a RoPE scaling that is not computed": {
    code: "MODEL_UNSUPPORTED",
    names: "longrope",
    make: edited(({ metadata }) => void metadata.set("llama.rope.scaling.type", text("longrope"))),
  },
  "a matrix of a type that is none for weights": {
    code: "MODEL_UNSUPPORTED",
    names: '"blk.1.ffn_down.weight" has type Q8_1',
    make: edited((gguf) => retyped(gguf, "blk.1.ffn_down.weight", "Q8_1")),
  },
  "an embedding of whole numbers": {
    code: "MODEL_UNSUPPORTED",
    names: '"token_embd.weight" has type I32',
    make: edited((gguf) => retyped(gguf, "token_embd.weight", "I32")),
  },
  "a norm that is not F32": {
    code: "MODEL_UNSUPPORTED",
    names: '"blk.0.attn_norm.weight" has type F16',
    make: edited((gguf) => retyped(gguf, "blk.0.attn_norm.weight", "F16")),
  },
  "a missing tensor": {
    code: "MODEL_MISSING_TENSOR",
    names: '"blk.2.attn_k.weight"',
    make: edited(({ tensors }) => void tensors.delete("blk.2.attn_k.weight")),
  },
  "a tensor too many": {
    code: "MODEL_UNSUPPORTED",
    names: '"blk.0.ffn_up.bias"',
    make: edited(({ tensors }) => {
      tensors.set("blk.0.ffn_up.bias", vectorTensor("blk.0.ffn_up.bias", Array<number>(224).fill(1)));
    }),
  },
  "a matrix of the wrong shape": {
    code: "MODEL_WRONG_SHAPE",
    names: '"blk.0.attn_q.weight" has shape [96, 64]',
    make: edited((gguf) => reshaped(gguf, "blk.0.attn_q.weight", [96, 64])),
  },
  "a vector of the wrong length": {
    code: "MODEL_WRONG_SHAPE",
    names: '"output_norm.weight" has shape [95]',
    make: edited((gguf) => reshaped(gguf, "output_norm.weight", [95])),
  },
  "a matrix that lies on its side": {
    code: "MODEL_WRONG_SHAPE",
    names: '"blk.0.ffn_up.weight" has shape [224, 96]',
    make: edited((gguf) => reshaped(gguf, "blk.0.ffn_up.weight", [224, 96])),
  },
  "a missing key": {
    code: "MODEL_MISSING_KEY",
    names: '"llama.block_count"',
    make: edited(({ metadata }) => void metadata.delete("llama.block_count")),
  },
  "a key of the wrong type": {
    code: "MODEL_CORRUPT",
    names: '"llama.embedding_length"',
    make: edited(({ metadata }) => void metadata.set("llama.embedding_length", text("96"))),
  },
  "heads that cannot be shared": {
    code: "MODEL_CORRUPT",
    names: "6 query heads cannot share 4 KV heads",
    make: edited(({ metadata }) => void metadata.set("llama.attention.head_count_kv", uint32(4))),
  },
  "a negative epsilon": {
    code: "MODEL_CORRUPT",
    names: "epsilon is -1",
    make: edited(({ metadata }) => metadata.set("llama.attention.layer_norm_rms_epsilon", float32(-1))),
  },
  "RoPE of base 0": {
    code: "MODEL_CORRUPT",
    names: "freqBase is 0",
    make: edited(({ metadata }) => void metadata.set("llama.rope.freq_base", float32(0))),
  },
  "two billion layers": {
    code: "MODEL_MISSING_TENSOR",
    names: '"blk.3.',
    make: edited(({ metadata }) => void metadata.set("llama.block_count", uint32(2 ** 31 - 1))),
  },
  "a vocabulary that is none": {
    code: "MODEL_MISSING_KEY",
    names: "tokenizer.ggml.merges",
    make: edited(({ metadata }) => void metadata.delete("tokenizer.ggml.merges")),
  },
  "a pre-tokenizer that is unknown": {
    code: "VOCABULARY_FAILED",
    names: "nonsense",
    make: edited(({ metadata }) => void metadata.set("tokenizer.ggml.pre", text("nonsense"))),
  },
};

describe("loading is refused, with what to do, and leaves nothing behind, for", () => {
  test.each(Object.entries(BAD_FILES))("%s", async (_, { code, names, make }) => {
    const path = directory.file("bad.gguf");
    await make(path);
    const before = liveNative();
    const error = await refusal(path);
    expect(error).toBeInstanceOf(RondoError);
    expect(error).toMatchObject({ code });
    const { message } = error as RondoError;
    expect(message).toContain(names);
    expect(message).toMatch(/^(loading|reading|checking) /);
    // What was attempted: why it cannot; what to do.
    expect(message).toMatch(/: .+; /);
    expect(liveNative()).toEqual(before);
  });

  test("a file that is not there", async () => {
    expect(await refusal(directory.file("absent.gguf"))).toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(await refusal(directory.path)).toMatchObject({ code: "MODEL_NOT_FOUND" });
  });

  test("any of them, over and over", async () => {
    const paths: string[] = [];
    for (const [i, { make }] of Object.values(BAD_FILES).entries()) {
      const path = directory.file(`bad-${i}.gguf`);
      await make(path);
      paths.push(path);
    }
    for (const path of paths) await refusal(path);
    const before = liveNative();
    const rssBefore = process.memoryUsage.rss();
    for (let i = 0; i < NUM_REPEATS; i++) await refusal(paths[i % paths.length] ?? "");
    expect(liveNative()).toEqual(before);
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(MAX_GROWTH_BYTES);
  });
});

describe("a sound file, over and over", () => {
  test("loads, answers and closes without leaving anything behind", async () => {
    const use = async (): Promise<void> => {
      await using model = await loadModel(sound, { threads: 1 });
      expect(await model.logits([1, 2, 3])).toHaveLength(1);
    };
    await use();
    const before = liveNative();
    const rssBefore = process.memoryUsage.rss();
    for (let i = 0; i < NUM_REPEATS; i++) await use();
    expect(liveNative()).toEqual(before);
    expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(MAX_GROWTH_BYTES);
  });

  test("is given up without leaving anything behind when its loading is stopped", async () => {
    const before = liveNative();
    for (let i = 0; i < NUM_REPEATS; i++) {
      const stop = new AbortController();
      const loading = loadModel(sound, {
        threads: 1,
        signal: stop.signal,
        onProgress: (share) => share > i / NUM_REPEATS && stop.abort(new RangeError("enough")),
      });
      await expect(loading).rejects.toThrow("enough");
    }
    expect(liveNative()).toEqual(before);
  });
});

describe("a prompt", () => {
  const CONTEXT = 64;
  let model: Model;

  beforeAll(async () => {
    model = await loadModel(sound, { threads: 1, contextLength: CONTEXT });
  });

  afterAll(async () => {
    await model.close();
  });

  test("without tokens is refused", async () => {
    await expect(model.logits([])).rejects.toMatchObject({ code: "PROMPT_EMPTY" });
  });

  test("longer than the context is refused with both numbers", async () => {
    const long = Array<number>(CONTEXT + 1).fill(1);
    await expect(model.logits(long)).rejects.toMatchObject({
      code: "CONTEXT_FULL",
      message: expect.stringMatching(/65 tokens.* 64/),
    });
    expect(await model.logits(long.slice(1))).toHaveLength(1);
  });

  test.each([-1, 515, 2 ** 31 - 1, 2 ** 32, 1.5, Number.NaN])(
    "with the token id %d, which is none, is refused",
    async (id) => {
      await expect(model.logits([1, id, 2])).rejects.toThrow(RangeError);
    },
  );

  test.each([-1, 3, 0.5, Number.NaN])("is refused when asked for position %d of 3", async (position) => {
    await expect(model.logits([1, 2, 3], { positions: [position] })).rejects.toThrow(RangeError);
  });

  test("that is refused over and over leaves nothing behind", async () => {
    const before = liveNative();
    for (let i = 0; i < NUM_REPEATS; i++) {
      await expect(model.logits([])).rejects.toThrow(RondoError);
      await expect(model.logits(Array<number>(CONTEXT + 1).fill(1))).rejects.toThrow(RondoError);
      await expect(model.logits([-1])).rejects.toThrow(RangeError);
    }
    expect(liveNative()).toEqual(before);
  });
});

describe("options out of range are refused:", () => {
  test.each([0, -1, 1.5, 4_097, Number.NaN])("contextLength %d", async (contextLength) => {
    await expect(loadModel(sound, { contextLength })).rejects.toThrow(RangeError);
  });

  test.each([0, -1, 1.5, 513, Number.NaN])("threads %d", async (threads) => {
    await expect(loadModel(sound, { threads })).rejects.toThrow(RangeError);
  });
});
