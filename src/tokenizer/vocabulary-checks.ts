import { RondoError, type RondoErrorCode } from "../core/errors.ts";
import type { Metadata } from "../gguf/metadata.ts";
import type { NumberType } from "../gguf/metadata-value.ts";

/** `tokenizer.ggml.model` of the vocabularies that Rondo's architectures use: SentencePiece and byte-level BPE. */
const SUPPORTED_MODELS = ["llama", "gpt2"] as const;
type TokenizerModel = (typeof SUPPORTED_MODELS)[number];

const BYTE_TOKEN_TYPE = 6;
const MAX_TOKEN_TYPE = 6;
const MERGES_LOOKED_UP = 8_192;
const BYTE_TOKEN = /^<0x[0-9A-Fa-f]{2}>$/;

/** Special tokens that Rondo or libllama act on; libllama ignores the others where they are out of range. */
const SPECIAL_ID_KEYS = ["bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id"] as const;

/**
 * Checks a model file's vocabulary for everything known to make libllama abort the process, while loading or
 * at a later text, and for what would make it read another vocabulary than the file's author wrote.
 *
 * @throws RondoError `MODEL_MISSING_KEY` or `MODEL_CORRUPT` naming the key at fault, `MODEL_UNSUPPORTED` for a
 * kind of tokenizer that Rondo does not know.
 */
export function validateVocabulary(metadata: Metadata): void {
  const model = metadata.string("tokenizer.ggml.model");
  if (!isSupported(model)) {
    throw error(
      "MODEL_UNSUPPORTED",
      `tokenizer.ggml.model is ${quote(model)}, supported are ${SUPPORTED_MODELS.join(" and ")}; use another model`,
    );
  }
  // Asserts that no token of a text holds a space, and then finds one.
  if (metadata.optionalString("tokenizer.ggml.pre") === "whitespace") {
    throw error(
      "MODEL_UNSUPPORTED",
      'tokenizer.ggml.pre is "whitespace", which libllama cannot use; use another model',
    );
  }
  const tokens = metadata.strings("tokenizer.ggml.tokens");
  const ids = checkTokens(tokens);
  checkScores(metadata, tokens.length);
  checkTypes(metadata, tokens);
  if (model === "gpt2") checkMerges(metadata.strings("tokenizer.ggml.merges"), ids);
  else checkBytes(ids);
  checkSpecialIds(metadata, tokens.length);
}

function isSupported(model: string): model is TokenizerModel {
  return (SUPPORTED_MODELS as readonly string[]).includes(model);
}

/** libllama finds tokens by text and asserts that no two are alike. */
function checkTokens(tokens: readonly string[]): ReadonlySet<string> {
  if (tokens.length === 0) throw corrupt("tokenizer.ggml.tokens is empty");
  const unique = new Set(tokens);
  if (unique.size === tokens.length && !unique.has("")) return unique;
  const seen = new Set<string>();
  for (const [id, token] of tokens.entries()) {
    // The name under which libllama files an empty token.
    const text = token === "" ? `[EMPTY_${id}]` : token;
    if (seen.has(text)) throw corrupt(`tokenizer.ggml.tokens holds ${quote(text)} twice, at ${id} again`);
    seen.add(text);
  }
  return seen;
}

function checkScores(metadata: Metadata, numTokens: number): void {
  const scores = metadata.optionalNumbers("tokenizer.ggml.scores");
  if (scores === undefined) return;
  checkArray(metadata, "tokenizer.ggml.scores", ["float32", "int32"], scores.length, numTokens);
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad >= 0) throw corrupt(`tokenizer.ggml.scores holds ${scores[bad]} at ${bad}`);
}

function checkTypes(metadata: Metadata, tokens: readonly string[]): void {
  const types = metadata.optionalNumbers("tokenizer.ggml.token_type");
  if (types === undefined) return;
  checkArray(metadata, "tokenizer.ggml.token_type", ["int32"], types.length, tokens.length);
  for (let id = 0; id < types.length; id += 1) {
    const type = types[id] ?? 0;
    if (type < 0 || type > MAX_TOKEN_TYPE) {
      throw corrupt(`tokenizer.ggml.token_type holds ${type} at ${id}, types are 0 to ${MAX_TOKEN_TYPE}`);
    }
    const token = tokens[id] ?? "";
    if (type === BYTE_TOKEN_TYPE && !BYTE_TOKEN.test(token)) {
      throw corrupt(`token ${id} is of type byte but reads ${quote(token)} instead of the form <0x0A>`);
    }
  }
}

function checkArray(
  metadata: Metadata,
  key: string,
  types: readonly NumberType[],
  length: number,
  numTokens: number,
): void {
  const raw = metadata.raw(key);
  const type = raw?.type === "array" ? raw.elementType : undefined;
  if (!types.some((wanted) => wanted === type)) {
    throw corrupt(`${key} is an array of ${type}, expected is ${types.join(" or ")}`);
  }
  if (length !== numTokens) throw corrupt(`${key} has ${length} entries for ${numTokens} tokens`);
}

/**
 * A merge reads "left right"; both are tokens of their own in every vocabulary that training produced.
 * libllama ignores a merge where they are not, so looking some up is enough to see that the two lists belong together.
 */
function checkMerges(merges: readonly string[], tokens: ReadonlySet<string>): void {
  const stride = Math.ceil(merges.length / MERGES_LOOKED_UP);
  for (const [rank, merge] of merges.entries()) {
    const space = merge.indexOf(" ", 1);
    if (space < 0 || space === merge.length - 1) {
      throw corrupt(`tokenizer.ggml.merges holds ${quote(merge)} at ${rank} instead of two parts`);
    }
    if (rank % stride !== 0) continue;
    const missing = [merge.slice(0, space), merge.slice(space + 1)].find((part) => !tokens.has(part));
    if (missing !== undefined) {
      throw corrupt(`tokenizer.ggml.merges joins ${quote(missing)} at ${rank}, which is no token`);
    }
  }
}

/** SentencePiece spells what it has no token for in bytes; libllama throws where a byte has no token either. */
function checkBytes(tokens: ReadonlySet<string>): void {
  for (let byte = 0; byte < 256; byte += 1) {
    const hex = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
    const isCovered = tokens.has(hex) || (byte < 128 && tokens.has(String.fromCharCode(byte)));
    if (!isCovered) throw corrupt(`tokenizer.ggml.tokens lacks the byte token ${hex}`);
  }
}

function checkSpecialIds(metadata: Metadata, numTokens: number): void {
  for (const name of SPECIAL_ID_KEYS) {
    const key = `tokenizer.ggml.${name}`;
    const id = metadata.optionalNumber(key);
    if (id === undefined) continue;
    if (!Number.isInteger(id) || id < 0 || id >= numTokens) {
      throw corrupt(`${key} is ${id}, the vocabulary has ${numTokens} tokens`);
    }
  }
  metadata.optionalBoolean("tokenizer.ggml.add_bos_token");
  metadata.optionalBoolean("tokenizer.ggml.add_eos_token");
}

function corrupt(why: string): RondoError {
  return error("MODEL_CORRUPT", `${why}; convert the model again with a current converter`);
}

function error(code: RondoErrorCode, why: string): RondoError {
  return new RondoError(code, `checking the vocabulary: ${why}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
