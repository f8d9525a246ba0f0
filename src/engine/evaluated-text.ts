/** What has to be done so that a cache holds another text. */
export interface TextPlan {
  /** Tokens of the cache that stay. */
  readonly keep: number;
  /** Tokens to evaluate after them. */
  readonly tokens: Int32Array;
}

/** A place where text and tokens are known to meet: a boundary of messages. */
interface Mark {
  readonly textLength: number;
  readonly numTokens: number;
}

/**
 * The text that a cache holds, beside its tokens. A model's reply need not tokenise back to the ids that were
 * sampled, so a longer text extends the tokens that are there, and a changed one is read again only from the
 * last boundary before the change.
 */
export class EvaluatedText {
  readonly #encode: (text: string, isStart: boolean) => Int32Array;
  #text = "";
  #tokens: number[] = [];
  #marks: Mark[] = [{ textLength: 0, numTokens: 0 }];

  /** @param encode tokens of a piece of text; `isStart` where nothing comes before it. */
  constructor(encode: (text: string, isStart: boolean) => Int32Array) {
    this.#encode = encode;
  }

  get text(): string {
    return this.#text;
  }

  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** How to get from what is held to `text`. Changes nothing. */
  plan(text: string): TextPlan {
    const mark = this.#lastMarkWithin(commonLength(this.#text, text));
    const fresh = this.#encode(text.slice(mark.textLength), mark.textLength === 0);
    // Tokens after the boundary that are the same again need no second evaluation.
    let same = 0;
    while (same < fresh.length && fresh[same] === this.#tokens[mark.numTokens + same]) same++;
    return { keep: mark.numTokens + same, tokens: fresh.subarray(same) };
  }

  /** Books that `plan` was carried out: the cache holds `text`, which ends at a boundary. */
  apply(text: string, { keep, tokens }: TextPlan): void {
    const shared = commonLength(this.#text, text);
    this.#marks = this.#marks.filter((mark) => mark.textLength <= shared && mark.numTokens <= keep);
    this.#tokens = [...this.#tokens.slice(0, keep), ...tokens];
    this.#text = text;
    this.#mark();
  }

  /** Books tokens that were sampled and evaluated, and the text they stand for. */
  append(text: string, tokens: readonly number[]): void {
    this.#text += text;
    this.#tokens.push(...tokens);
    this.#mark();
  }

  #mark(): void {
    const mark = { textLength: this.#text.length, numTokens: this.#tokens.length };
    const last = this.#marks.at(-1);
    if (last?.textLength === mark.textLength) this.#marks.pop();
    this.#marks.push(mark);
  }

  #lastMarkWithin(textLength: number): Mark {
    return this.#marks.findLast((mark) => mark.textLength <= textLength) ?? { textLength: 0, numTokens: 0 };
  }
}

/** Length of the longest text that both start with. */
function commonLength(a: string, b: string): number {
  if (b.startsWith(a)) return a.length;
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
