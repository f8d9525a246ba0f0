/** What has to be done so that a cache holds another text. */
export interface TextPlan {
  /** Tokens of the cache that stay. */
  readonly keep: number;
  /** Tokens to evaluate after them. */
  readonly tokens: Int32Array;
}

/** A place where text and tokens are known to meet: the end of a prompt or of a reply. */
interface Mark {
  readonly textLength: number;
  readonly numTokens: number;
}

const START: Mark = { textLength: 0, numTokens: 0 };

/**
 * The text that a cache holds, beside its tokens. A model's reply need not tokenise back to the ids that were
 * sampled, so a longer text extends the tokens that are there, and a changed one is tokenised again only from
 * the last mark before the change.
 */
export class EvaluatedText {
  readonly #encode: (text: string, isStart: boolean) => Int32Array;
  #text = "";
  #tokens: number[] = [];
  #marks: Mark[] = [];

  /** @param encode tokens of a piece of text; `isStart` where nothing comes before it. */
  constructor(encode: (text: string, isStart: boolean) => Int32Array) {
    this.#encode = encode;
  }

  /** Up to the last mark. */
  get text(): string {
    return this.#text;
  }

  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** How to get from what is held to `text`. Changes nothing. */
  plan(text: string): TextPlan {
    const shared = commonLength(this.#text, text);
    const mark = this.#marks.findLast(({ textLength }) => textLength <= shared) ?? START;
    const fresh = this.#encode(text.slice(mark.textLength), mark.textLength === 0);
    // Tokens after the mark that are the same again need no second evaluation.
    let same = 0;
    while (same < fresh.length && fresh[same] === this.#tokens[mark.numTokens + same]) same++;
    return { keep: mark.numTokens + same, tokens: fresh.subarray(same) };
  }

  /** Forgets all but the first `numTokens` tokens; text is kept up to the last mark within them. */
  truncate(numTokens: number): void {
    this.#marks = this.#marks.filter((mark) => mark.numTokens <= numTokens);
    this.#tokens.length = Math.min(this.#tokens.length, numTokens);
    this.#text = this.#text.slice(0, this.#marks.at(-1)?.textLength ?? 0);
  }

  /**
   * Books that `tokens` were evaluated. `text` is all that the cache then stands for, undefined where that is
   * not known to the letter: the next plan compares tokens instead.
   */
  extend(text: string | undefined, tokens: Iterable<number>): void {
    this.#tokens.push(...tokens);
    if (text === undefined) return;
    this.#text = text;
    const mark = { textLength: text.length, numTokens: this.#tokens.length };
    this.#marks = [...this.#marks.filter(({ textLength }) => textLength < mark.textLength), mark];
  }
}

/** Length of the longest text that both start with. */
function commonLength(a: string, b: string): number {
  if (b.startsWith(a)) return a.length;
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
