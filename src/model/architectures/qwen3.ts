import type { Architecture } from "../architecture.ts";
import { preNormLayer } from "../blocks.ts";
import { attentionTensors, feedForwardTensors, queryKeyNorms } from "../tensor-spec.ts";

/** Qwen3: each head of the queries and keys is normalised before it is rotated. */
export const qwen3: Architecture = {
  name: "qwen3",
  ropeMode: "neox",
  layerTensors: (h) => [...attentionTensors(h), ...queryKeyNorms(h), ...feedForwardTensors(h)],
  buildLayer: preNormLayer,
};
