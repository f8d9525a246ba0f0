import { RondoError } from "../../core/errors.ts";
import { callAsync } from "../bind.ts";
import { isNull } from "../brand.ts";
import { track } from "../live.ts";
import type { NativeVocabulary, VocabularyModel } from "./handles.ts";
import { captureErrors, silenceLlamaLog } from "./log.ts";
import { vocabularyOnlyParams } from "./model-params.ts";
import { llama } from "./symbols.ts";

/** Bits of `enum llama_token_attr`. */
export const TOKEN_ATTRIBUTE = {
  unknown: 1,
  unused: 2,
  normal: 4,
  control: 8,
  userDefined: 16,
  byte: 32,
} as const;

const VOCABULARY_TYPE_NONE = 0;
const NO_TOKEN = -1;

/**
 * Loads the vocabulary of the GGUF file at `path` on a worker thread. Free it with {@link freeVocabularyModel}.
 *
 * libllama aborts the process on some broken vocabularies: check the file first.
 *
 * @throws RondoError `VOCABULARY_FAILED` with libllama's own words.
 */
export async function loadVocabularyModel(path: string): Promise<VocabularyModel> {
  if (path.includes("\0")) throw new TypeError("path: must not contain a NUL character");
  const params = vocabularyOnlyParams();
  silenceLlamaLog();
  const model = await callAsync(llama.llama_model_load_from_file, path, params);
  if (isNull(model)) throw loadError(path);
  track("vocabularies", 1);
  if (llama.llama_vocab_type(getVocabulary(model)) !== VOCABULARY_TYPE_NONE) return model;
  freeVocabularyModel(model);
  throw new RondoError(
    "VOCABULARY_FAILED",
    `loading the vocabulary of ${path}: the file has none; use another file`,
  );
}

function loadError(path: string): RondoError {
  const reasons = captureErrors(() => {
    const model = llama.llama_model_load_from_file(path, vocabularyOnlyParams());
    if (!isNull(model)) llama.llama_model_free(model);
  });
  // The last line only says that loading failed; those before it say why.
  const why = reasons.slice(0, -1).join("; ") || reasons[0] || "no reason was given";
  return new RondoError(
    "VOCABULARY_FAILED",
    `loading the vocabulary of ${path}: ${why}; convert the model again with a current converter`,
  );
}

export function freeVocabularyModel(model: VocabularyModel): void {
  llama.llama_model_free(model);
  track("vocabularies", -1);
}

export function getVocabulary(model: VocabularyModel): NativeVocabulary {
  return llama.llama_model_get_vocab(model);
}

/** A scalar of the file's metadata as text; undefined where it is not there. */
export function metadataText(model: VocabularyModel, key: string): string | undefined {
  const buffer = new Uint8Array(256);
  const length = llama.llama_model_meta_val_str(model, key, buffer, buffer.length);
  return length < 0
    ? undefined
    : Buffer.from(buffer.buffer, 0, Math.min(length, buffer.length - 1)).toString();
}

export function numTokens(vocabulary: NativeVocabulary): number {
  return llama.llama_vocab_n_tokens(vocabulary);
}

/** Bits of {@link TOKEN_ATTRIBUTE}. `token` must be in range: libllama aborts the process otherwise. */
export function tokenAttributes(vocabulary: NativeVocabulary, token: number): number {
  return llama.llama_vocab_get_attr(vocabulary, token);
}

export function isEndOfGeneration(vocabulary: NativeVocabulary, token: number): boolean {
  return llama.llama_vocab_is_eog(vocabulary, token);
}

/** Ids of the special tokens, undefined where the vocabulary has none, and what encoding adds by itself. */
export interface SpecialTokens {
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly eot: number | undefined;
  readonly addBos: boolean;
  readonly addEos: boolean;
}

export function specialTokens(vocabulary: NativeVocabulary): SpecialTokens {
  const orUndefined = (token: number): number | undefined => (token === NO_TOKEN ? undefined : token);
  return {
    bos: orUndefined(llama.llama_vocab_bos(vocabulary)),
    eos: orUndefined(llama.llama_vocab_eos(vocabulary)),
    eot: orUndefined(llama.llama_vocab_eot(vocabulary)),
    addBos: llama.llama_vocab_get_add_bos(vocabulary),
    addEos: llama.llama_vocab_get_add_eos(vocabulary),
  };
}

export interface TokenizeOptions {
  /** Adds what the vocabulary wants around a text, most often a beginning-of-sequence token. */
  readonly addSpecial: boolean;
  /** Reads texts like `<|im_end|>` as the control tokens they name. */
  readonly parseSpecial: boolean;
}

/** Token ids of UTF-8 `text`. */
export function tokenize(
  vocabulary: NativeVocabulary,
  text: Uint8Array,
  { addSpecial, parseSpecial }: TokenizeOptions,
): Int32Array {
  // One token a byte, and room for what the vocabulary adds: most often enough at once.
  let tokens = new Int32Array(text.length + 16);
  const run = (): number =>
    llama.llama_tokenize(vocabulary, text, text.length, tokens, tokens.length, addSpecial, parseSpecial);
  let count = run();
  if (count < 0) {
    tokens = new Int32Array(-count);
    count = run();
  }
  return tokens.slice(0, count);
}

/** The bytes `token` stands for, a control token's text included. `token` must be in range. */
export function tokenToPiece(vocabulary: NativeVocabulary, token: number): Uint8Array {
  let piece = new Uint8Array(64);
  let length = llama.llama_token_to_piece(vocabulary, token, piece, piece.length, 0, true);
  if (length < 0) {
    piece = new Uint8Array(-length);
    length = llama.llama_token_to_piece(vocabulary, token, piece, piece.length, 0, true);
  }
  return piece.slice(0, length);
}
