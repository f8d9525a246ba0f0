/** An engine that is measured: it holds one model and one sequence of tokens. */
export interface Subject {
  readonly name: string;
  /** Loads the model. Answers with the milliseconds that took. */
  load(path: string): Promise<number>;
  /** Frees the model and what was made of it. */
  unload(): Promise<void>;
  /** Starts an empty sequence with room for `numTokens`, without the one before. */
  open(numTokens: number): Promise<void>;
  /** Reads tokens. Answers with milliseconds. */
  prefill(tokens: readonly number[]): Promise<number>;
  /** Writes `count` tokens greedily, one after the other. Answers with the milliseconds of each. */
  decode(count: number): Promise<readonly number[]>;
}
