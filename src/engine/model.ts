import { RondoError } from "../core/errors.ts";
import type { Resources } from "../core/resources.ts";
import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { Kernel } from "../ffi/kernel/symbols.ts";
import type { Metadata } from "../gguf/metadata.ts";
import { ContiguousCache } from "../kv/contiguous-cache.ts";
import type { KvCache } from "../kv/kv-cache.ts";
import { PagedCache } from "../kv/paged-cache.ts";
import type { Hyperparameters } from "../model/hyperparameters.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import type { Vocabulary } from "../tokenizer/vocabulary.ts";
import { Chat, type ChatOptions } from "./chat.ts";
import type { ModelRunner } from "./model-runner.ts";

export interface LogitsOptions {
  /** Indices into the tokens after which logits are wanted; the last one by default. */
  readonly positions?: readonly number[];
  readonly signal?: AbortSignal;
}

/** What loading a model file yields, for {@link Model} to own. */
export interface LoadedModel {
  readonly path: string;
  readonly metadata: Metadata;
  readonly hyperparameters: Hyperparameters;
  readonly contextLength: number;
  readonly backend: CpuBackend;
  /** Undefined where attention is computed with ggml's own operations. */
  readonly kernel: Kernel | undefined;
  readonly vocabulary: Vocabulary;
  readonly weightBytes: number;
  readonly runner: ModelRunner;
  /** The file's chat template, parsed when first asked for. */
  readonly template: () => ChatTemplate;
  readonly resources: Resources;
}

/** A loaded model. Close it to free its memory; chats of it are closed with it. */
export class Model implements AsyncDisposable {
  readonly path: string;
  readonly hyperparameters: Hyperparameters;
  /** Tokens a chat may hold. */
  readonly contextLength: number;
  readonly #loaded: LoadedModel;
  readonly #caches = new Set<KvCache>();
  #closed: Promise<void> | undefined;

  constructor(loaded: LoadedModel) {
    this.path = loaded.path;
    this.hyperparameters = loaded.hyperparameters;
    this.contextLength = loaded.contextLength;
    this.#loaded = loaded;
  }

  /** Text to token ids, rendered templates included (`parseSpecial`). */
  get vocabulary(): Vocabulary {
    return this.#loaded.vocabulary;
  }

  /** Bytes in native memory: weights, intermediate tensors, and the KV of open chats. */
  get memory(): { readonly weightBytes: number; readonly computeBytes: number; readonly kvBytes: number } {
    const kvBytes = [...this.#caches].reduce((sum, cache) => sum + cache.allocatedBytes, 0);
    const { weightBytes, runner } = this.parts;
    return { weightBytes, computeBytes: runner.computeBytes, kvBytes };
  }

  /**
   * Logits `[vocabularySize]` after each of the named positions of `tokens`, under full attention.
   *
   * @throws RangeError on a token or position that is none, RondoError `PROMPT_EMPTY`, `CONTEXT_FULL`.
   */
  async logits(
    tokens: readonly number[] | Int32Array,
    { positions = [tokens.length - 1], signal }: LogitsOptions = {},
  ): Promise<Float32Array[]> {
    this.checkTokens(tokens);
    const ids = Int32Array.from(tokens);
    for (const position of positions) {
      if (!Number.isInteger(position) || position < 0 || position >= ids.length) {
        throw new RangeError(`positions: ${position} is not an index into ${ids.length} tokens`);
      }
    }
    const cache = this.newCache();
    try {
      const sorted = [...new Set(positions)].sort((a, b) => a - b);
      const options = signal === undefined ? { logitRows: sorted } : { logitRows: sorted, signal };
      const logits = await this.#loaded.runner.evaluate(cache, ids, options);
      const byPosition = new Map(sorted.map((position, i) => [position, logits[i] as Float32Array]));
      return positions.map((position) => byPosition.get(position) as Float32Array);
    } finally {
      this.freeCache(cache);
    }
  }

  /**
   * A new conversation.
   *
   * @throws RondoError `TEMPLATE_MISSING` where the file has no chat template, `OPTION_…` for wrong options.
   */
  createChat(options: ChatOptions = {}): Chat {
    return new Chat(this, this.parts.template(), options);
  }

  /**
   * Waits for the batch that is being computed, then frees everything; what was still to be read or written is
   * refused with `DISPOSED`. Closing twice does nothing.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The parts a chat works with. @internal */
  get parts(): LoadedModel {
    this.#checkOpen();
    return this.#loaded;
  }

  /** An empty KV cache, freed with the model at the latest. @internal */
  newCache(): KvCache {
    this.#checkOpen();
    const { backend, kernel } = this.#loaded;
    const cache =
      kernel === undefined
        ? new ContiguousCache(this.hyperparameters, backend.bufferType)
        : new PagedCache(this.hyperparameters, kernel, backend);
    this.#caches.add(cache);
    return cache;
  }

  /** @internal */
  freeCache(cache: KvCache): void {
    if (!this.#caches.delete(cache)) return;
    this.#loaded.runner.forget(cache);
    cache[Symbol.dispose]();
  }

  /** @internal */
  checkTokens(tokens: readonly number[] | Int32Array): void {
    if (tokens.length === 0)
      throw new RondoError("PROMPT_EMPTY", "reading a prompt: it has no tokens; give it text");
    if (tokens.length > this.contextLength) {
      throw new RondoError(
        "CONTEXT_FULL",
        `reading a prompt: it has ${tokens.length} tokens, the context holds ${this.contextLength}; shorten it`,
      );
    }
    const { vocabularySize } = this.hyperparameters;
    for (const token of tokens) {
      if (!Number.isInteger(token) || token < 0 || token >= vocabularySize)
        throw new RangeError(`tokens: ${token} is not an id from 0 to ${vocabularySize - 1}`);
    }
  }

  async #close(): Promise<void> {
    await this.#loaded.runner.close();
    for (const cache of [...this.#caches]) this.freeCache(cache);
    this.#loaded.resources[Symbol.dispose]();
  }

  #checkOpen(): void {
    if (this.#closed !== undefined)
      throw new RondoError("DISPOSED", "using a model: it was closed; load it again");
  }
}
