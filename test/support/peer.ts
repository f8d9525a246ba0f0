import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";

/**
 * node-llama-cpp, which runs the same file through llama.cpp's own graphs. It shares this process and the loaded
 * copy of ggml with Rondo: the two have nothing in common there but the list of backends and the log callback,
 * and a child process would pay its two seconds of start for each file. One instance serves a test file.
 */
export class Peer implements AsyncDisposable {
  readonly #llama: Llama;

  private constructor(llama: Llama) {
    this.#llama = llama;
  }

  static async start(): Promise<Peer> {
    return new Peer(await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error }));
  }

  /**
   * Log-probabilities of the next token after each of `positions` of `tokens`, of the model at `path`.
   * One thread: a second one makes these small models slower, many times so on a busy machine.
   */
  async distributions(
    path: string,
    tokens: readonly number[],
    positions: readonly number[],
  ): Promise<Float64Array[]> {
    const model = await this.#llama.loadModel({ modelPath: path });
    try {
      const context = await model.createContext({
        contextSize: tokens.length + 8,
        batchSize: Math.min(512, tokens.length + 8),
        threads: 1,
      });
      const wanted = new Set(positions);
      const input = tokens.map((token, i) =>
        wanted.has(i)
          ? ([token as Token, { generateNext: { probabilities: true } }] as [Token, object])
          : (token as Token),
      );
      const results = await context.getSequence().controlledEvaluate(input);
      return positions.map((position) => toLogProbabilities(results[position]?.next.probabilities));
    } finally {
      await model.dispose();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#llama.dispose();
  }
}

/** Normalised again, since single precision leaves an error in the sum. */
function toLogProbabilities(probabilities: ReadonlyMap<Token, number> | undefined): Float64Array {
  if (probabilities === undefined) throw new RangeError("node-llama-cpp gave no probabilities");
  const dense = new Float64Array(probabilities.size);
  for (const [token, probability] of probabilities) dense[token] = probability;
  const sum = dense.reduce((total, probability) => total + probability, 0);
  return dense.map((probability) => Math.log(probability / sum));
}
