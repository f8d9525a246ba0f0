import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MetadataValue } from "../gguf/metadata-value.ts";
import { writeGguf } from "../gguf/writer.ts";

/** Values of `tokenizer.ggml.token_type`. */
const TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 } as const;

const MERGES = ["h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "l d", "Ġwor ld"] as const;
const CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] as const;

export type VocabularyMetadata = Map<string, MetadataValue>;

/** A small byte-level BPE vocabulary: 256 bytes, nine merges, three control tokens and `<think>`. */
export function byteLevelMetadata(preTokenizer = "qwen2"): VocabularyMetadata {
  const tokens: string[] = [...byteAlphabet(), ...MERGES.map((merge) => merge.replace(" ", ""))];
  const types: number[] = tokens.map(() => TYPE.normal);
  const [endOfText, , imEnd] = CONTROLS.map((text) => tokens.push(text) - 1);
  types.push(...CONTROLS.map(() => TYPE.control));
  tokens.push("<think>");
  types.push(TYPE.userDefined);
  return new Map<string, MetadataValue>([
    ["general.architecture", string("llama")],
    ["tokenizer.ggml.model", string("gpt2")],
    ["tokenizer.ggml.pre", string(preTokenizer)],
    ["tokenizer.ggml.tokens", strings(tokens)],
    ["tokenizer.ggml.token_type", integers(types)],
    ["tokenizer.ggml.merges", strings(MERGES)],
    ["tokenizer.ggml.bos_token_id", id(endOfText ?? 0)],
    ["tokenizer.ggml.eos_token_id", id(imEnd ?? 0)],
    ["tokenizer.ggml.eot_token_id", id(imEnd ?? 0)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
  ]);
}

/** A small SentencePiece vocabulary: three specials, 256 byte tokens, a few pieces with scores. */
export function sentencePieceMetadata(): VocabularyMetadata {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`);
  const pieces = ["▁", "h", "e", "l", "o", "he", "ll", "hell", "hello", "▁hello"];
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...pieces];
  const types = tokens.map((_, at) => {
    if (at === 0) return TYPE.unknown;
    if (at < 3) return TYPE.control;
    return at < 259 ? TYPE.byte : TYPE.normal;
  });
  const scores = tokens.map((_, at) => (at < 259 ? 0 : at - 1_000));
  return new Map<string, MetadataValue>([
    ["general.architecture", string("llama")],
    ["tokenizer.ggml.model", string("llama")],
    ["tokenizer.ggml.tokens", strings(tokens)],
    ["tokenizer.ggml.scores", { type: "array", elementType: "float32", value: Float32Array.from(scores) }],
    ["tokenizer.ggml.token_type", integers(types)],
  ]);
}

/** Writes `metadata` as a model file without tensors into a directory that lives until it is disposed. */
export async function writeVocabulary(
  metadata: VocabularyMetadata,
): Promise<{ readonly path: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), "rondo-vocabulary-"));
  const path = join(directory, "vocabulary.gguf");
  await writeGguf(path, metadata, []);
  return { path, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

/** GPT-2's printable stand-ins for the 256 bytes, in the order of the bytes. */
function byteAlphabet(): readonly string[] {
  let standIn = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    if (isPrintable) return String.fromCodePoint(byte);
    standIn += 1;
    return String.fromCodePoint(standIn - 1);
  });
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

export function string(value: string): MetadataValue {
  return { type: "string", value };
}

export function strings(value: readonly string[]): MetadataValue {
  return { type: "array", elementType: "string", value };
}

export function integers(value: readonly number[]): MetadataValue {
  return { type: "array", elementType: "int32", value: Int32Array.from(value) };
}

export function id(value: number): MetadataValue {
  return { type: "uint32", value };
}
