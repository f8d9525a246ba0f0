import type { Tensor } from "../ffi/ggml/handles.ts";
import type { RopeMode } from "../ffi/ggml/ops.ts";
import type { LayerBuilder } from "./blocks.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import type { TensorSpec } from "./tensor-spec.ts";

/** What sets one family of decoders apart: the tensors of a layer, and how a layer computes. */
export interface Architecture {
  /** `general.architecture` of its files. */
  readonly name: string;
  readonly ropeMode: RopeMode;
  layerTensors(h: Hyperparameters): readonly TensorSpec[];
  /** Adds one layer to a graph: `x [embeddingLength, numTokens]` f32 in and out. */
  buildLayer(layer: LayerBuilder, x: Tensor): Tensor;
}
