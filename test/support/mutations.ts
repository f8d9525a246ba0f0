import type { GraphBuilder } from "../../src/ffi/ggml/graph-builder.ts";
import type { Tensor } from "../../src/ffi/ggml/handles.ts";
import { ggml } from "../../src/ffi/ggml/symbols.ts";
import type { Shape } from "../../src/ffi/ggml/tensor-arena.ts";
import { F16, I32 } from "../../src/ffi/ggml/tensor-type.ts";
import type { AttentionStep, QueryKeyValue } from "../../src/kv/attention-step.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import type { LayerBuilder } from "../../src/model/blocks.ts";
import type { Hyperparameters } from "../../src/model/hyperparameters.ts";
import type { Replacements } from "./parts.ts";

const MASKED_F16 = 0xfc00;

type Attend = AttentionStep["attend"];

/** A model whose layers see another {@link LayerBuilder} than the right one; its weights lie one by one. */
export function withLayer(change: (layer: LayerBuilder) => Partial<LayerBuilder>): Replacements {
  const architecture = (right: Architecture): Architecture => ({
    ...right,
    layerTensors: (h) => right.layerTensors(h).map(({ stack: _, ...spec }) => spec),
    buildLayer: (layer, x) => right.buildLayer({ ...layer, ...change(layer) }, x),
  });
  return { architecture };
}

/** A model that does as if its file had no weight of that name in any layer. */
export function withoutWeight(missing: string): Replacements {
  return withLayer(({ optionalWeight }) => ({
    optionalWeight: (name) => (name === missing ? undefined : optionalWeight(name)),
  }));
}

/** A model whose attention is `change` of the right one. */
function withAttention(change: (right: Attend, h: Hyperparameters) => Attend): Replacements {
  return {
    cache: (right, h) =>
      replace(right, "step", (graph, numTokens) => {
        const step = right.step(graph, numTokens);
        return replace(step, "attend", change(step.attend.bind(step), h));
      }),
  };
}

/** A model whose queries, keys or values are changed on their way into attention. */
function withQueryKeyValue(
  change: (graph: GraphBuilder, qkv: QueryKeyValue, h: Hyperparameters) => QueryKeyValue,
): Replacements {
  return withAttention((attend, h) => (graph, layer, qkv) => attend(graph, layer, change(graph, qkv, h)));
}

/** Positions of every batch after the first are one too high; a shift of all of them changes nothing in RoPE. */
export const shiftedBatches: Replacements = {
  cache: (right) => replaceValue(right, "length", () => (right.length === 0 ? 0 : right.length + 1)),
};

/** Queries are rotated one position further than keys. */
export const shiftedQueries: Replacements = withQueryKeyValue((graph, qkv, h) => {
  const numTokens = ggml.ggml_nelements(qkv.q) / (h.headDim * h.numHeads);
  const ones = graph.input(I32, [numTokens], () => new Int32Array(numTokens).fill(1));
  return { ...qkv, q: graph.rope(qkv.q, ones, undefined, h.rope) };
});

/** Scores are divided by the root of width over heads, where heads have a width of their own. */
export const wrongScale: Replacements = withQueryKeyValue((graph, qkv, h) => ({
  ...qkv,
  q: ggml.ggml_scale(graph.context, qkv.q, Math.sqrt(h.headDim / (h.embeddingLength / h.numHeads))),
}));

/** Query head `h` reads KV head `h mod numKvHeads`, where neighbours should share one. */
export const interleavedKvHeads: Replacements = withAttention((attend, h) => (graph, layer, qkv) => {
  const { numHeads, numKvHeads, headDim } = h;
  const groupSize = numHeads / numKvHeads;
  const gather = (j: number): number => Math.floor(j / groupSize) + numKvHeads * (j % groupSize);
  const scatter = (j: number): number => (j % numKvHeads) * groupSize + Math.floor(j / numKvHeads);
  const attended = attend(graph, layer, { ...qkv, q: reorderHeads(graph, qkv.q, h, gather) });
  const restored = reorderHeads(graph, attended, h, scatter);
  return graph.reshape2d(restored, headDim * numHeads, ggml.ggml_nelements(restored) / (headDim * numHeads));
});

/** Keys and values change places in the stack of projections that share their input. */
export const swappedStack: Replacements = {
  architecture: (right) => {
    const isKey = (name: string): number => Number(name === "attn_k.weight");
    return {
      ...right,
      layerTensors: (h) => right.layerTensors(h).toSorted((a, b) => isKey(a.name) - isKey(b.name)),
    };
  },
};

/** Where the row of a token starts in a mask, and how many keys it may see. */
interface MaskRow {
  readonly start: number;
  readonly visible: number;
}

/** A model on ggml's attention whose mask `[numKeys, numTokens]` is edited row by row. */
function withMask(change: (mask: Uint16Array, row: MaskRow) => void): Replacements {
  return {
    cache: (right) =>
      replace(right, "step", (graph, numTokens) => {
        const input = (type: number, shape: Shape, fill: () => NodeJS.ArrayBufferView): Tensor => {
          if (type !== F16) return graph.input(type, shape, fill);
          return graph.input(type, shape, () => {
            const mask = fill();
            if (!(mask instanceof Uint16Array)) throw new TypeError("the mask is not of 16-bit numbers");
            for (let i = 0; i < numTokens; i++)
              change(mask, { start: i * shape[0], visible: right.length + i + 1 });
            return mask;
          });
        };
        return right.step(replace(graph, "input", input), numTokens);
      }),
  };
}

/** One key too many: each token sees the one that follows it. */
export const wideMask: Replacements = withMask((mask, { start, visible }) => {
  if (start + visible < mask.length) mask[start + visible] = 0;
});

/** One key too few: no token but the first sees itself. */
export const narrowMask: Replacements = withMask((mask, { start, visible }) => {
  if (visible > 1) mask[start + visible - 1] = MASKED_F16;
});

/** The window of attention starts one too late: the first token of the text is not seen from the second on. */
export const lateMask: Replacements = withMask((mask, { start, visible }) => {
  if (visible > 1) mask[start] = MASKED_F16;
});

/** `[headDim, numHeads, numTokens]` with head `source(j)` of `a` in place of head `j`. */
function reorderHeads(
  graph: GraphBuilder,
  a: Tensor,
  { headDim, numHeads }: Hyperparameters,
  source: (head: number) => number,
): Tensor {
  const numRows = ggml.ggml_nelements(a) / headDim;
  const rows = graph.input(I32, [numRows], () =>
    Int32Array.from({ length: numRows }, (_, i) => i - (i % numHeads) + source(i % numHeads)),
  );
  const taken = graph.getRows(graph.reshape2d(a, headDim, numRows), rows);
  return graph.reshape3d(taken, headDim, numHeads, numRows / numHeads);
}

/** `target` with one member replaced; the others run on the target itself, whose private fields they need. */
function replace<T extends object, Name extends keyof T>(target: T, name: Name, member: T[Name]): T {
  return replaceValue(target, name, () => member);
}

function replaceValue<T extends object, Name extends keyof T>(target: T, name: Name, get: () => T[Name]): T {
  return new Proxy(target, {
    get(_, key) {
      if (key === name) return get();
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
