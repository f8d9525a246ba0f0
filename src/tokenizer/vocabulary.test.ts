import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isRondoError } from "../core/errors.ts";
import { liveNative } from "../ffi/live.ts";
import { Vocabulary } from "./vocabulary.ts";
import {
  byteLevelMetadata,
  id,
  sentencePieceMetadata,
  string,
  writeVocabulary,
} from "./vocabulary-fixtures.ts";

type File = Awaited<ReturnType<typeof writeVocabulary>>;

let byteLevel: File;
let sentencePiece: File;

beforeAll(async () => {
  byteLevel = await writeVocabulary(byteLevelMetadata());
  sentencePiece = await writeVocabulary(sentencePieceMetadata());
});

afterAll(async () => {
  await byteLevel[Symbol.asyncDispose]();
  await sentencePiece[Symbol.asyncDispose]();
});

function decode(vocabulary: Vocabulary, ids: Iterable<number>): string {
  return Buffer.concat([...ids].map((id) => vocabulary.tokenBytes(id))).toString();
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a byte-level vocabulary", () => {
  test("knows its size and special tokens", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    expect(vocabulary.size).toBe(256 + 9 + 3 + 1);
    expect(vocabulary).toMatchObject({ bos: 265, eos: 267, eot: 267, addBos: false, addEos: false });
    expect([265, 266, 267, 268].map((id) => vocabulary.isControl(id))).toEqual([true, true, true, false]);
    expect([265, 266, 267, 268].map((id) => vocabulary.isEndOfGeneration(id))).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test("merges what its rules merge", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    const pieces = [...vocabulary.encode("hello world")].map((id) => decode(vocabulary, [id]));
    expect(pieces).toEqual(["hello", " world"]);
  });

  test("gives back every text it encoded", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        expect(decode(vocabulary, vocabulary.encode(text))).toBe(text);
      }),
    );
  });

  test("reads lone surrogates as U+FFFD and keeps NUL characters", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    expect(decode(vocabulary, vocabulary.encode("a\ud800b\0c"))).toBe("a\ufffdb\0c");
  });

  test("encodes the empty text as no token", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    expect(vocabulary.encode("")).toEqual(new Int32Array());
  });

  test("takes control tokens out of text only where asked to", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    const text = "<|im_start|>hello<|im_end|>";
    expect([...vocabulary.encode(text, { parseSpecial: true })]).toEqual([
      266,
      ...vocabulary.encode("hello"),
      267,
    ]);
    const plain = vocabulary.encode(text);
    expect([...plain].some((id) => vocabulary.isControl(id))).toBe(false);
    expect(decode(vocabulary, plain)).toBe(text);
  });

  test("encodes a text of a million characters", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    const text = "hello world ".repeat(90_000);
    expect(decode(vocabulary, vocabulary.encode(text))).toBe(text);
  });

  test("gives the same bytes for a token each time", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    expect(vocabulary.tokenBytes(40)).toBe(vocabulary.tokenBytes(40));
    expect(decode(vocabulary, [267])).toBe("<|im_end|>");
  });

  test("refuses ids that are not its own", async () => {
    using vocabulary = await Vocabulary.load(byteLevel.path);
    for (const id of [-1, vocabulary.size, 1.5, Number.NaN]) {
      expect(() => vocabulary.tokenBytes(id)).toThrow(RangeError);
      expect(() => vocabulary.isControl(id)).toThrow(RangeError);
      expect(() => vocabulary.isEndOfGeneration(id)).toThrow(RangeError);
    }
  });
});

describe("a vocabulary whose texts are split by std::regex", () => {
  test.each(["default", "deepseek-llm", "tekken", "gpt-4o"])(
    "survives runs of 30,000 characters (%s)",
    async (preTokenizer) => {
      await using file = await writeVocabulary(byteLevelMetadata(preTokenizer));
      using vocabulary = await Vocabulary.load(file.path);
      for (const unit of ["a", "A", "1", "!", " ", "\n", "é", "中", "aB3+"]) {
        const text = unit.repeat(30_000 / unit.length);
        expect(decode(vocabulary, vocabulary.encode(text))).toBe(text);
      }
    },
  );

  test("finds control tokens and adds its own around such a run", async () => {
    const metadata = byteLevelMetadata("default").set("tokenizer.ggml.add_bos_token", {
      type: "bool",
      value: true,
    });
    await using file = await writeVocabulary(metadata);
    using vocabulary = await Vocabulary.load(file.path);
    const before = [...vocabulary.encode("a".repeat(995))];
    const text = `${"a".repeat(995)}<|im_start|>${"a".repeat(995)}`;
    expect([...vocabulary.encode(text, { addSpecial: true, parseSpecial: true })]).toEqual([
      265,
      ...before,
      266,
      ...before,
    ]);
  });
});

describe("a SentencePiece vocabulary", () => {
  test("starts texts with its beginning-of-sequence token where asked to", async () => {
    using vocabulary = await Vocabulary.load(sentencePiece.path);
    expect(vocabulary).toMatchObject({ bos: 1, eos: 2, addBos: true, addEos: false });
    const tokens = vocabulary.encode("hello", { addSpecial: true });
    expect(tokens[0]).toBe(1);
    expect(decode(vocabulary, tokens.subarray(1))).toBe(" hello");
  });

  test("spells what it has no piece for in bytes", async () => {
    using vocabulary = await Vocabulary.load(sentencePiece.path);
    expect(decode(vocabulary, vocabulary.encode("日\0🎵"))).toBe(" 日\0🎵");
  });
});

describe("loading", () => {
  test("answers with libllama's reason where the file is broken", async () => {
    const metadata = byteLevelMetadata("no-such-pre-tokenizer");
    await using file = await writeVocabulary(metadata);
    const error = await failure(Vocabulary.load(file.path));
    expect(isRondoError(error, "VOCABULARY_FAILED")).toBe(true);
    expect(String(error)).toContain("unknown pre-tokenizer type: 'no-such-pre-tokenizer'");
  });

  test("refuses a vocabulary that would add a token it does not have", async () => {
    const metadata = byteLevelMetadata("chatglm-bpe");
    metadata.delete("tokenizer.ggml.bos_token_id");
    metadata.set("tokenizer.ggml.add_bos_token", { type: "bool", value: true });
    await using file = await writeVocabulary(metadata);
    const error = await failure(Vocabulary.load(file.path));
    expect(isRondoError(error, "VOCABULARY_FAILED")).toBe(true);
    expect(String(error)).toContain("bos");
  });

  test("refuses a file without a vocabulary", async () => {
    await using file = await writeVocabulary(
      new Map([
        ["general.architecture", string("llama")],
        ["tokenizer.ggml.model", string("no_vocab")],
        ["llama.vocab_size", id(10)],
      ]),
    );
    const error = await failure(Vocabulary.load(file.path));
    expect(isRondoError(error, "VOCABULARY_FAILED")).toBe(true);
  });

  test("leaves nothing behind, loaded or refused", async () => {
    const before = liveNative();
    await using broken = await writeVocabulary(byteLevelMetadata("nonsense"));
    for (let i = 0; i < 60; i += 1) {
      (await Vocabulary.load(byteLevel.path))[Symbol.dispose]();
      await failure(Vocabulary.load(broken.path));
    }
    expect(liveNative()).toEqual(before);
  });

  test("refuses to be used after disposal, and disposal twice does nothing", async () => {
    const vocabulary = await Vocabulary.load(byteLevel.path);
    vocabulary.tokenBytes(3);
    vocabulary[Symbol.dispose]();
    vocabulary[Symbol.dispose]();
    for (const use of [
      () => vocabulary.encode("x"),
      () => vocabulary.tokenBytes(3),
      () => vocabulary.isControl(3),
      () => vocabulary.isEndOfGeneration(3),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: "DISPOSED" }));
    }
  });
});
