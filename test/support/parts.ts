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

/** Parts to put in place of the product's own; each gets the right one. */
export interface Replacements {
  readonly architecture?: (right: Architecture) => Architecture;
  readonly hyperparameters?: (right: Hyperparameters) => Hyperparameters;
  readonly newCache?: (h: Hyperparameters, backend: CpuBackend) => KvCache;
  /** Tokens computed in one graph. */
  readonly batchTokens?: number;
}

/** Caches by what computes attention over them; "kernel" only where this platform has a build of it. */
export const CACHES: Readonly<Record<string, NonNullable<Replacements["newCache"]>>> = {
  ggml: (h, backend) => new ContiguousCache(h, backend.bufferType),
  ...kernelCache(),
};

function kernelCache(): Readonly<Record<string, NonNullable<Replacements["newCache"]>>> {
  const kernel = attentionKernel();
  return kernel === undefined ? {} : { kernel: (h, backend) => new PagedCache(h, kernel, backend) };
}

/** A model put together by hand, as `loadModel` does it but without its vocabulary. */
export class Parts implements Disposable {
  readonly backend: CpuBackend;
  readonly decoder: Decoder;
  readonly #newCache: () => KvCache;
  readonly #runner: ModelRunner;
  readonly #resources: Resources;

  private constructor(
    backend: CpuBackend,
    decoder: Decoder,
    resources: Resources,
    { newCache, batchTokens }: Replacements,
  ) {
    const h = decoder.hyperparameters;
    this.backend = backend;
    this.decoder = decoder;
    this.#runner = resources.use(new ModelRunner(decoder, backend, batchTokens));
    this.#newCache = () => newCache?.(h, backend) ?? new ContiguousCache(h, backend.bufferType);
    this.#resources = resources;
  }

  static async load(path: string, replacements: Replacements = {}): Promise<Parts> {
    const file = await readGguf(path);
    const right = architectures.get(file.metadata.string("general.architecture"));
    const architecture = replacements.architecture?.(right) ?? right;
    const read = readHyperparameters(file, architecture.ropeMode);
    const h = replacements.hyperparameters?.(read) ?? read;
    using resources = new Resources();
    const backend = resources.use(new CpuBackend({ threads: 1 }));
    const placed = placeWeights(file, architecture, h, backend);
    const weights = resources.use(await Weights.load(file, placed, backend));
    return new Parts(backend, new Decoder(architecture, h, weights), resources.move(), replacements);
  }

  /** Log-probabilities of the next token after each of `positions` of `tokens`, read as one prompt. */
  async distributions(tokens: readonly number[], positions: readonly number[]): Promise<Float64Array[]> {
    const cache = this.#newCache();
    try {
      const logits = await this.#runner.evaluate(cache, Int32Array.from(tokens), { logitRows: positions });
      return logits.map(logProbabilities);
    } finally {
      this.#runner.forget(cache);
      cache[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]();
  }
}
