import type { Architecture } from "../architecture.ts";
import { preNormLayer } from "../blocks.ts";
import { attentionBiases, attentionTensors, feedForwardTensors } from "../tensor-spec.ts";

/** Qwen2 and Qwen2.5: biases on queries, keys and values. */
export const qwen2: Architecture = {
  name: "qwen2",
  ropeMode: "neox",
  layerTensors: (h) => [...attentionTensors(h), ...attentionBiases(h), ...feedForwardTensors(h)],
  buildLayer: preNormLayer,
};
