/** What a detokenizer needs to know of tokens; a `Vocabulary` knows it. */
export interface TokenTexts {
  tokenBytes(id: number): Uint8Array;
  isControl(id: number): boolean;
}

export interface DetokenizerOptions {
  /** Writes control tokens by their names, such as `<|im_end|>`, instead of leaving them out. Default false. */
  readonly showControl?: boolean;
}

/**
 * Turns a reply's tokens into text one by one. A token may end within a character: its bytes are kept until
 * the rest is there. Bytes that are no UTF-8 become U+FFFD. However the tokens cut the bytes, the pieces
 * together are the same text.
 */
export class Detokenizer {
  readonly #tokens: TokenTexts;
  readonly #showControl: boolean;
  // A byte order mark within a reply is text like any other.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(tokens: TokenTexts, { showControl = false }: DetokenizerOptions = {}) {
    this.#tokens = tokens;
    this.#showControl = showControl;
  }

  /** The text that token `id` completes, often empty. */
  push(id: number): string {
    if (!this.#showControl && this.#tokens.isControl(id)) return "";
    return this.#decoder.decode(this.#tokens.tokenBytes(id), { stream: true });
  }

  /** Ends the text: what is left of an unfinished character, as U+FFFD. Another text may follow. */
  flush(): string {
    return this.#decoder.decode();
  }
}
