import { samplingParameters } from "../../core/sampling-parameters.ts";
import { loadModel } from "../../engine/load-model.ts";
import type { Model } from "../../engine/model.ts";
import { Sampler } from "../../engine/sampling/sampler.ts";
import type { KvCache } from "../../kv/kv-cache.ts";
import type { Subject } from "./subject.ts";

export interface RondoSubjectOptions {
  readonly threads: number;
  readonly attentionBackend?: "kernel" | "ggml";
}

/** Rondo, through the same runner and sampler that chats use. */
export class RondoSubject implements Subject {
  readonly name = "rondo";
  readonly #options: RondoSubjectOptions;
  #model: Model | undefined;
  #cache: KvCache | undefined;
  #logits: Float32Array = new Float32Array();

  constructor(options: RondoSubjectOptions) {
    this.#options = options;
  }

  async load(path: string): Promise<number> {
    const start = performance.now();
    this.#model = await loadModel(path, this.#options);
    return performance.now() - start;
  }

  async unload(): Promise<void> {
    await this.#model?.close();
    this.#model = undefined;
    this.#cache = undefined;
  }

  open(): Promise<void> {
    const model = this.#loaded();
    if (this.#cache !== undefined) model.freeCache(this.#cache);
    this.#cache = model.newCache();
    return Promise.resolve();
  }

  async prefill(tokens: readonly number[]): Promise<number> {
    const start = performance.now();
    await this.#evaluate(Int32Array.from(tokens));
    return performance.now() - start;
  }

  async decode(count: number): Promise<readonly number[]> {
    const { vocabularySize } = this.#loaded().hyperparameters;
    const sampler = new Sampler(samplingParameters({ temperature: 0 }), vocabularySize);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      const { token } = sampler.sample(this.#logits, { tokens: [], replyStart: 0 });
      await this.#evaluate(Int32Array.of(token));
      times.push(performance.now() - start);
    }
    return times;
  }

  async #evaluate(tokens: Int32Array): Promise<void> {
    if (this.#cache === undefined) throw new RangeError("no sequence is open");
    const [logits] = await this.#loaded().parts.runner.evaluate(this.#cache, tokens);
    this.#logits = logits ?? this.#logits;
  }

  #loaded(): Model {
    if (this.#model === undefined) throw new RangeError("no model is loaded");
    return this.#model;
  }
}
