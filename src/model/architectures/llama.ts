import type { Architecture } from "../architecture.ts";
import { preNormLayer } from "../blocks.ts";
import { attentionBiases, attentionTensors, feedForwardTensors, optional } from "../tensor-spec.ts";

/** Llama 1 to 3 and those converted to its layout (Mistral, TinyLlama, SmolLM): interleaved RoPE, optional biases. */
export const llama: Architecture = {
  name: "llama",
  ropeMode: "interleaved",
  layerTensors: (h) => [...attentionTensors(h), ...optional(attentionBiases(h)), ...feedForwardTensors(h)],
  buildLayer: preNormLayer,
};
