import { RondoError } from "../../core/errors.ts";
import type { Subject } from "./subject.ts";

/** The part of node-llama-cpp that is used here; it is not a dependency of Rondo, so its types are not at hand. */
interface Peer {
  readonly LlamaLogLevel: { readonly error: unknown };
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<PeerModel> }>;
}

interface PeerModel {
  createContext(options: object): Promise<PeerContext>;
  dispose(): Promise<void>;
}

interface PeerContext {
  getSequence(): PeerSequence;
  dispose(): Promise<void>;
}

interface PeerSequence {
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
}

const BATCH_TOKENS = 512;

/**
 * node-llama-cpp with as many threads as Rondo and flash attention: its defaults are four threads at least, which
 * is far slower on two cores.
 */
export class NodeLlamaCppSubject implements Subject {
  readonly name = "node-llama-cpp";
  readonly #threads: number;
  #model: PeerModel | undefined;
  #context: PeerContext | undefined;
  #sequence: PeerSequence | undefined;
  #last = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  async load(path: string): Promise<number> {
    const { getLlama, LlamaLogLevel } = await importPeer();
    const llama = await getLlama({
      gpu: false,
      build: "never",
      logLevel: LlamaLogLevel.error,
      maxThreads: this.#threads,
    });
    const start = performance.now();
    this.#model = await llama.loadModel({ modelPath: path });
    return performance.now() - start;
  }

  async unload(): Promise<void> {
    await this.#context?.dispose();
    await this.#model?.dispose();
    this.#context = undefined;
    this.#sequence = undefined;
    this.#model = undefined;
  }

  async open(numTokens: number): Promise<void> {
    await this.#context?.dispose();
    this.#context = await this.#model?.createContext({
      contextSize: numTokens,
      batchSize: BATCH_TOKENS,
      flashAttention: true,
      threads: this.#threads,
    });
    this.#sequence = this.#context?.getSequence();
  }

  async prefill(tokens: readonly number[]): Promise<number> {
    const start = performance.now();
    await this.#opened().evaluateWithoutGeneratingNewTokens(tokens);
    this.#last = tokens.at(-1) ?? 0;
    return performance.now() - start;
  }

  async decode(count: number): Promise<readonly number[]> {
    const times: number[] = [];
    let start = performance.now();
    for await (const token of this.#opened().evaluate([this.#last], {
      temperature: 0,
      yieldEogToken: true,
    })) {
      times.push(performance.now() - start);
      this.#last = token;
      if (times.length >= count) break;
      start = performance.now();
    }
    return times;
  }

  #opened(): PeerSequence {
    if (this.#sequence === undefined) throw new RangeError("no sequence is open");
    return this.#sequence;
  }
}

async function importPeer(): Promise<Peer> {
  const name = "node-llama-cpp";
  try {
    return (await import(name)) as Peer;
  } catch (cause) {
    throw new RondoError(
      "BACKEND_MISSING",
      "comparing with node-llama-cpp: it is not installed here; run npm install --no-save node-llama-cpp",
      { cause },
    );
  }
}
