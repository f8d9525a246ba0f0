import type { GraphBuilder } from "../ffi/ggml/graph-builder.ts";
import type { Tensor } from "../ffi/ggml/handles.ts";
import type { AttentionStep } from "../kv/attention-step.ts";
import type { Architecture } from "./architecture.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import type { Weights } from "./weights.ts";

/** The inputs of one batch of tokens, as tensors of the graph that is being built. */
export interface BatchInputs {
  readonly numTokens: number;
  /** `[numTokens]` i32 */
  readonly positions: Tensor;
  readonly attention: AttentionStep;
}

/** Most nodes that one layer, with its attention, adds to a graph. */
const MAX_NODES_PER_LAYER = 64;
const NODES_AROUND_LAYERS = 64;

/** A transformer decoder as graph parts: embedding, any run of layers, logits. Hidden states are `[embeddingLength, numTokens]` f32. */
export class Decoder {
  readonly hyperparameters: Hyperparameters;
  readonly #architecture: Architecture;
  readonly #weights: Weights;

  constructor(architecture: Architecture, hyperparameters: Hyperparameters, weights: Weights) {
    this.#architecture = architecture;
    this.hyperparameters = hyperparameters;
    this.#weights = weights;
  }

  /** Upper bound of the nodes in a graph of the whole model. */
  get maxNodes(): number {
    return this.hyperparameters.numLayers * MAX_NODES_PER_LAYER + NODES_AROUND_LAYERS;
  }

  /** `tokens [numTokens]` i32 to hidden states. */
  buildEmbedding(graph: GraphBuilder, tokens: Tensor): Tensor {
    return graph.getRows(this.#weights.get("token_embd.weight"), tokens);
  }

  /**
   * Layers `from` to `to`, both included. Running `0..k` and then `k+1..L-1` on its result equals running all.
   */
  buildLayers(graph: GraphBuilder, x: Tensor, batch: BatchInputs, from: number, to: number): Tensor {
    let hidden = x;
    for (let index = from; index <= to; index++) {
      const name = (weight: string): string => `blk.${index}.${weight}`;
      hidden = this.#architecture.buildLayer(
        {
          ...batch,
          graph,
          index,
          hyperparameters: this.hyperparameters,
          ropeFactors: this.#weights.find("rope_freqs.weight"),
          weight: (weight) => this.#weights.get(name(weight)),
          optionalWeight: (weight) => this.#weights.find(name(weight)),
        },
        hidden,
      );
    }
    return hidden;
  }

  /** Hidden states after the last layer to logits `[vocabularySize, numTokens]` f32. */
  buildLogits(graph: GraphBuilder, x: Tensor): Tensor {
    const output = this.#weights.find("output.weight") ?? this.#weights.get("token_embd.weight");
    const normed = graph.rmsNorm(x, this.hyperparameters.normEpsilon);
    return graph.mulMat(output, graph.mul(normed, this.#weights.get("output_norm.weight")));
  }
}
