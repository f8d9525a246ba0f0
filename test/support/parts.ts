import { Resources } from "../../src/core/resources.ts";
import { ModelRunner } from "../../src/engine/model-runner.ts";
import { CpuBackend } from "../../src/ffi/ggml/cpu-backend.ts";
import { attentionKernel } from "../../src/ffi/kernel/symbols.ts";
import { readGguf } from "../../src/gguf/reader.ts";
import { ContiguousCache } from "../../src/kv/contiguous-cache.ts";
import type { KvCache } from "../../src/kv/kv-cache.ts";
import { PagedCache } from "../../src/kv/paged-cache.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import { architectures } from "../../src/model/architectures/registry.ts";
import { Decoder } from "../../src/model/decoder.ts";
import { type Hyperparameters, readHyperparameters } from "../../src/model/hyperparameters.ts";
import { placeWeights } from "../../src/model/weight-placement.ts";
import { Weights } from "../../src/model/weights.ts";
import { logProbabilities } from "./divergence.ts";

export type AttentionBackend = "kernel" | "ggml";

/** What can compute attention here: the kernel only where it has a build. */
export const ATTENTION_BACKENDS: readonly AttentionBackend[] =
  attentionKernel() === undefined ? ["ggml"] : ["kernel", "ggml"];

/** Parts to put in place of the product's own; each gets the right one. */
export interface Replacements {
  readonly architecture?: (right: Architecture) => Architecture;
  readonly hyperparameters?: (right: Hyperparameters) => Hyperparameters;
  readonly cache?: (right: KvCache, h: Hyperparameters) => KvCache;
}

export interface PartsOptions extends Replacements {
  /** Tokens computed in one graph. */
  readonly batchTokens?: number;
  readonly attentionBackend?: AttentionBackend;
}

/** A model put together by hand, as `loadModel` does it but without its vocabulary, on one thread. */
export class Parts implements Disposable {
  readonly backend: CpuBackend;
  readonly decoder: Decoder;
  readonly weightBytes: number;
  readonly runner: ModelRunner;
  readonly #options: PartsOptions;
  readonly #resources: Resources;

  private constructor(
    backend: CpuBackend,
    { decoder, weights }: { readonly decoder: Decoder; readonly weights: Weights },
    options: PartsOptions,
    resources: Resources,
  ) {
    this.backend = backend;
    this.decoder = decoder;
    this.weightBytes = weights.bytes;
    this.runner = resources.use(new ModelRunner(decoder, backend, options.batchTokens));
    this.#options = options;
    this.#resources = resources;
  }

  static async load(path: string, options: PartsOptions = {}): Promise<Parts> {
    const file = await readGguf(path);
    const right = architectures.get(file.metadata.string("general.architecture"));
    const architecture = options.architecture?.(right) ?? right;
    const read = readHyperparameters(file, architecture.ropeMode);
    const h = options.hyperparameters?.(read) ?? read;
    using resources = new Resources();
    const backend = resources.use(new CpuBackend({ threads: 1 }));
    const placed = placeWeights(file, architecture, h, backend);
    const weights = resources.use(await Weights.load(file, placed, backend));
    const decoder = new Decoder(architecture, h, weights);
    return new Parts(backend, { decoder, weights }, options, resources.move());
  }

  /** An empty cache; its owner forgets it in the runner, then disposes it. */
  newCache(): KvCache {
    const h = this.decoder.hyperparameters;
    const { attentionBackend = ATTENTION_BACKENDS[0], cache } = this.#options;
    const kernel = attentionBackend === "kernel" ? attentionKernel() : undefined;
    const right =
      kernel === undefined
        ? new ContiguousCache(h, this.backend.bufferType)
        : new PagedCache(h, kernel, this.backend);
    return cache?.(right, h) ?? right;
  }

  /** Log-probabilities of the next token after each of `positions` of `tokens`, read as one prompt. */
  async distributions(tokens: readonly number[], positions: readonly number[]): Promise<Float64Array[]> {
    const cache = this.newCache();
    try {
      const logits = await this.runner.evaluate(cache, Int32Array.from(tokens), { logitRows: positions });
      return logits.map(logProbabilities);
    } finally {
      this.runner.forget(cache);
      cache[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}
