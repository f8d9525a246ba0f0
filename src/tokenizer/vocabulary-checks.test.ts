import { describe, expect, test } from "vitest";
import { Metadata } from "../gguf/metadata.ts";
import type { MetadataValue } from "../gguf/metadata-value.ts";
import { validateVocabulary } from "./vocabulary-checks.ts";
import {
  byteLevelMetadata,
  id,
  integers,
  sentencePieceMetadata,
  string,
  strings,
  type VocabularyMetadata,
} from "./vocabulary-fixtures.ts";

const KEY = "tokenizer.ggml";

function check(metadata: VocabularyMetadata): void {
  validateVocabulary(new Metadata("model.gguf", metadata));
}

function tokensOf(metadata: VocabularyMetadata): string[] {
  return [...new Metadata("model.gguf", metadata).strings(`${KEY}.tokens`)];
}

function typesOf(metadata: VocabularyMetadata): number[] {
  return [...new Metadata("model.gguf", metadata).numbers(`${KEY}.token_type`)];
}

function floats(value: readonly number[]): MetadataValue {
  return { type: "array", elementType: "float32", value: Float32Array.from(value) };
}

/** The byte-level vocabulary with `change` applied must be refused with `code` and a message about `about`. */
function expectRefusal(code: string, about: string, metadata: VocabularyMetadata): void {
  expect(() => check(metadata)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(about) }),
  );
}

function changed(key: string, value: MetadataValue): VocabularyMetadata {
  return byteLevelMetadata().set(`${KEY}.${key}`, value);
}

test("sound vocabularies of both kinds pass", () => {
  expect(() => check(byteLevelMetadata())).not.toThrow();
  expect(() => check(sentencePieceMetadata())).not.toThrow();
});

test("a vocabulary without scores, types and special ids passes", () => {
  const metadata = byteLevelMetadata();
  for (const key of ["token_type", "bos_token_id", "eos_token_id", "eot_token_id"]) {
    metadata.delete(`${KEY}.${key}`);
  }
  expect(() => check(metadata)).not.toThrow();
});

describe("it refuses", () => {
  test("a kind of tokenizer that Rondo does not know, naming those it knows", () => {
    expectRefusal("MODEL_UNSUPPORTED", "llama and gpt2", changed("model", string("bert")));
  });

  test("a pre-tokenizer that aborts on a space", () => {
    expectRefusal("MODEL_UNSUPPORTED", "whitespace", changed("pre", string("whitespace")));
  });

  test("a file without tokens", () => {
    const metadata = byteLevelMetadata();
    metadata.delete(`${KEY}.tokens`);
    expectRefusal("MODEL_MISSING_KEY", "tokenizer.ggml.tokens", metadata);
    expectRefusal("MODEL_CORRUPT", "is empty", changed("tokens", strings([])));
  });

  test("tokens that are not strings", () => {
    expectRefusal("MODEL_CORRUPT", "tokenizer.ggml.tokens", changed("tokens", integers([1, 2])));
  });

  test("two tokens alike", () => {
    const tokens = tokensOf(byteLevelMetadata());
    tokens[7] = "hello";
    expectRefusal("MODEL_CORRUPT", '"hello" twice', changed("tokens", strings(tokens)));
  });

  test("a token alike to the name that libllama gives an empty one", () => {
    const tokens = tokensOf(byteLevelMetadata());
    tokens[7] = "";
    tokens[9] = "[EMPTY_7]";
    expectRefusal("MODEL_CORRUPT", "[EMPTY_7]", changed("tokens", strings(tokens)));
  });

  test.each([1, 268, 270])("%i types for 269 tokens", (length) => {
    const types = integers(new Array<number>(length).fill(1));
    expectRefusal("MODEL_CORRUPT", `${length} entries for 269`, changed("token_type", types));
  });

  test("types stored as anything but int32", () => {
    expectRefusal(
      "MODEL_CORRUPT",
      "array of float32",
      changed("token_type", floats(typesOf(byteLevelMetadata()))),
    );
  });

  test.each([-1, 7])("the token type %i", (type) => {
    const types = typesOf(byteLevelMetadata());
    types[12] = type;
    expectRefusal("MODEL_CORRUPT", `${type} at 12`, changed("token_type", integers(types)));
  });

  test("a byte token of another form", () => {
    const types = typesOf(byteLevelMetadata());
    types[256] = 6;
    expectRefusal("MODEL_CORRUPT", '"he"', changed("token_type", integers(types)));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("the score %d", (score) => {
    const scores = new Array<number>(269).fill(0);
    scores[100] = score;
    expectRefusal("MODEL_CORRUPT", `${score} at 100`, changed("scores", floats(scores)));
  });

  test("more scores than tokens", () => {
    expectRefusal("MODEL_CORRUPT", "300 entries", changed("scores", floats(new Array<number>(300).fill(0))));
  });

  test("a byte-level vocabulary without merges", () => {
    const metadata = byteLevelMetadata();
    metadata.delete(`${KEY}.merges`);
    expectRefusal("MODEL_MISSING_KEY", "tokenizer.ggml.merges", metadata);
  });

  test.each(["", " ", "he", "he "])("the merge %j", (merge) => {
    expectRefusal("MODEL_CORRUPT", "instead of two parts", changed("merges", strings(["h e", merge])));
  });

  test("a merge of what is no token", () => {
    expectRefusal("MODEL_CORRUPT", '"xyz"', changed("merges", strings(["h e", "h xyz"])));
  });

  test("a SentencePiece vocabulary that cannot spell a byte", () => {
    const metadata = sentencePieceMetadata();
    const tokens = tokensOf(metadata).map((token) => (token === "<0xE6>" ? "other" : token));
    metadata.set(`${KEY}.tokens`, strings(tokens));
    const types = typesOf(metadata);
    types[tokens.indexOf("other")] = 1;
    metadata.set(`${KEY}.token_type`, integers(types));
    expectRefusal("MODEL_CORRUPT", "<0xE6>", metadata);
  });

  test.each(["bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id"])("a %s out of range", (key) => {
    expectRefusal("MODEL_CORRUPT", `${KEY}.${key} is 269`, changed(key, id(269)));
  });

  test("a flag that is no boolean", () => {
    expectRefusal("MODEL_CORRUPT", "add_bos_token", changed("add_bos_token", id(1)));
  });
});

test("150,000 tokens and merges are checked in at most 100 ms of this processor's time", () => {
  const metadata = byteLevelMetadata();
  const tokens = tokensOf(metadata);
  const base = tokens.length;
  for (let i = base; i < 150_000; i += 1) tokens.push(`Ġtoken${i}`);
  metadata.set(`${KEY}.tokens`, strings(tokens));
  metadata.set(`${KEY}.token_type`, integers(tokens.map(() => 1)));
  metadata.set(`${KEY}.merges`, strings(tokens.slice(base).map((token) => `${token} ${token}`)));
  const times = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    check(metadata);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  expect(Math.min(...times)).toBeLessThan(100);
});
