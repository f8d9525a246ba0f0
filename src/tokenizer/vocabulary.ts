import { RondoError } from "../core/errors.ts";
import type { NativeVocabulary, VocabularyModel } from "../ffi/libllama/handles.ts";
import {
  freeVocabularyModel,
  getVocabulary,
  isEndOfGeneration,
  loadVocabularyModel,
  metadataText,
  numTokens,
  type SpecialTokens,
  specialTokens,
  TOKEN_ATTRIBUTE,
  tokenAttributes,
  tokenize,
  tokenToPiece,
} from "../ffi/libllama/vocabulary.ts";
import { needsSplitting, splitLongRuns } from "./long-runs.ts";

export interface EncodeOptions {
  /** Adds what the vocabulary wants around a text, most often a beginning-of-sequence token. Default false. */
  readonly addSpecial?: boolean;
  /**
   * Reads texts like `<|im_end|>` as the control tokens they name: for rendered templates, never for what a
   * user typed. Default false.
   */
  readonly parseSpecial?: boolean;
}

/**
 * The tokens of a model file, and text to tokens and back, by libllama.
 * Dispose it to free the native copy; every later use throws `DISPOSED`.
 */
export class Vocabulary implements Disposable {
  /** Number of tokens; ids run from 0 to `size - 1`. */
  readonly size: number;
  /** Ids of special tokens, undefined where the vocabulary has none. */
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly eot: number | undefined;
  /** Whether `addSpecial` puts `bos` first. */
  readonly addBos: boolean;
  /** Whether `addSpecial` puts `eos` last. */
  readonly addEos: boolean;
  readonly #pieces: (Uint8Array | undefined)[];
  readonly #splitsLongRuns: boolean;
  #specialTexts: readonly string[] | undefined;
  #model: VocabularyModel | undefined;

  private constructor(model: VocabularyModel, special: SpecialTokens) {
    this.#model = model;
    this.size = numTokens(this.#native);
    this.bos = special.bos;
    this.eos = special.eos;
    this.eot = special.eot;
    this.addBos = special.addBos;
    this.addEos = special.addEos;
    this.#pieces = new Array(this.size);
    this.#splitsLongRuns =
      metadataText(model, "tokenizer.ggml.model") === "gpt2" &&
      needsSplitting(metadataText(model, "tokenizer.ggml.pre"));
  }

  /**
   * Loads the vocabulary of the GGUF file at `path`, off the event loop.
   * The file must have passed `validateVocabulary`: libllama aborts the process on some that would not.
   *
   * @throws RondoError `VOCABULARY_FAILED` where libllama refuses the file, or where the vocabulary is to add
   * a special token that it does not have.
   */
  static async load(path: string): Promise<Vocabulary> {
    const model = await loadVocabularyModel(path);
    const special = specialTokens(getVocabulary(model));
    const missing = missingSpecial(special);
    if (missing === undefined) return new Vocabulary(model, special);
    freeVocabularyModel(model);
    throw new RondoError(
      "VOCABULARY_FAILED",
      `loading the vocabulary of ${path}: it adds an ${missing} token to texts and names none; ` +
        `set tokenizer.ggml.${missing}_token_id or tokenizer.ggml.add_${missing}_token`,
    );
  }

  /**
   * Token ids of `text`, of any length. Lone surrogates become U+FFFD, as everywhere JavaScript turns text
   * into UTF-8; NUL is a character like others.
   */
  encode(text: string, { addSpecial = false, parseSpecial = false }: EncodeOptions = {}): Int32Array {
    const native = this.#native;
    const parts = this.#splitsLongRuns ? splitLongRuns(text, () => this.#findSpecialTexts()) : [text];
    if (parts.length === 1) return tokenize(native, Buffer.from(text), { addSpecial, parseSpecial });
    const tokens = parts.flatMap((part) => [
      ...tokenize(native, Buffer.from(part), { addSpecial: false, parseSpecial }),
    ]);
    if (addSpecial && this.addBos && this.bos !== undefined) tokens.unshift(this.bos);
    if (addSpecial && this.addEos && this.eos !== undefined) tokens.push(this.eos);
    return Int32Array.from(tokens);
  }

  /**
   * The bytes token `id` stands for; half a character is possible. A control token gives its name.
   * The array is shared: do not write to it.
   */
  tokenBytes(id: number): Uint8Array {
    this.#check(id);
    let bytes = this.#pieces[id];
    if (bytes === undefined) {
      bytes = tokenToPiece(this.#native, id);
      this.#pieces[id] = bytes;
    }
    return bytes;
  }

  /** Whether the model says by token `id` that its reply is complete. */
  isEndOfGeneration(id: number): boolean {
    this.#check(id);
    return isEndOfGeneration(this.#native, id);
  }

  /** Whether token `id` steers the model and is no part of a reply's text. */
  isControl(id: number): boolean {
    this.#check(id);
    const attributes = tokenAttributes(this.#native, id);
    return (attributes & (TOKEN_ATTRIBUTE.control | TOKEN_ATTRIBUTE.unknown)) !== 0;
  }

  [Symbol.dispose](): void {
    if (this.#model === undefined) return;
    freeVocabularyModel(this.#model);
    this.#model = undefined;
    this.#pieces.length = 0;
  }

  /** Texts that encoding looks for as a whole. */
  #findSpecialTexts(): readonly string[] {
    const wholes = TOKEN_ATTRIBUTE.control | TOKEN_ATTRIBUTE.unknown | TOKEN_ATTRIBUTE.userDefined;
    const native = this.#native;
    this.#specialTexts ??= Array.from({ length: this.size }, (_, id) => id)
      .filter((id) => (tokenAttributes(native, id) & wholes) !== 0)
      .map((id) => Buffer.from(this.tokenBytes(id)).toString());
    return this.#specialTexts;
  }

  get #native(): NativeVocabulary {
    if (this.#model === undefined) {
      throw new RondoError("DISPOSED", "using a vocabulary: it was disposed; load it again");
    }
    return getVocabulary(this.#model);
  }

  #check(id: number): void {
    if (Number.isInteger(id) && id >= 0 && id < this.size) return;
    throw new RangeError(`token id: ${id} is not an integer from 0 to ${this.size - 1}`);
  }
}

function missingSpecial(special: SpecialTokens): "bos" | "eos" | undefined {
  if (special.addBos && special.bos === undefined) return "bos";
  return special.addEos && special.eos === undefined ? "eos" : undefined;
}
