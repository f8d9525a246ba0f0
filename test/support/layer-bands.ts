import { GraphBuilder } from "../../src/ffi/ggml/graph-builder.ts";
import type { Tensor } from "../../src/ffi/ggml/handles.ts";
import { getTensor } from "../../src/ffi/ggml/tensor-arena.ts";
import { F32, I32 } from "../../src/ffi/ggml/tensor-type.ts";
import type { KvCache } from "../../src/kv/kv-cache.ts";
import type { Parts } from "./parts.ts";

/** The first and the last layer of a graph. */
type Band = readonly [number, number];

/** Evaluates `batches` of tokens one after another as the product does. Answers the logits after the last token. */
export async function evaluateWhole(
  parts: Parts,
  batches: readonly (readonly number[])[],
): Promise<Float32Array> {
  using cache = parts.newCache();
  let logits: Float32Array = new Float32Array();
  for (const tokens of batches) {
    const [last = logits] = await parts.runner.evaluate(cache, Int32Array.from(tokens));
    logits = last;
  }
  parts.runner.forget(cache);
  return logits;
}

/**
 * Evaluates `batches` of tokens one after another, the layers of each in one graph for each of `bands`, with
 * hidden states handed over through memory. Answers the logits after the last token.
 */
export async function evaluateInBands(
  parts: Parts,
  batches: readonly (readonly number[])[],
  bands: readonly Band[],
): Promise<Float32Array> {
  using cache = parts.newCache();
  let logits = new Float32Array();
  for (const tokens of batches) {
    cache.reserve(tokens.length);
    let hidden: Float32Array | undefined;
    for (const band of bands) hidden = await evaluateBand(parts, cache, { tokens, band, hidden });
    cache.commit(tokens.length);
    logits = await logitsOf(parts, hidden ?? new Float32Array());
  }
  return logits;
}

async function evaluateBand(
  { decoder, backend }: Parts,
  cache: KvCache,
  {
    tokens,
    band,
    hidden,
  }: { readonly tokens: readonly number[]; readonly band: Band; readonly hidden: Float32Array | undefined },
): Promise<Float32Array> {
  const numTokens = tokens.length;
  const { embeddingLength } = decoder.hyperparameters;
  using graph = new GraphBuilder(backend.bufferType, decoder.maxNodes);
  const positions = graph.input(I32, [numTokens], () =>
    Int32Array.from({ length: numTokens }, (_, i) => cache.length + i),
  );
  const x: Tensor =
    hidden === undefined
      ? decoder.buildEmbedding(
          graph,
          graph.input(I32, [numTokens], () => Int32Array.from(tokens)),
        )
      : graph.input(F32, [embeddingLength, numTokens], () => hidden);
  const attention = cache.step(graph, numTokens);
  const out = graph.output(decoder.buildLayers(graph, x, { numTokens, positions, attention }, ...band));
  graph.allocate();
  attention.prepare();
  graph.fillInputs();
  await backend.compute(graph.graph);
  attention.check();
  const result = new Float32Array(embeddingLength * numTokens);
  getTensor(out, result);
  return result;
}

async function logitsOf(
  { decoder, backend }: Parts,
  hidden: Float32Array,
): Promise<Float32Array<ArrayBuffer>> {
  const { embeddingLength, vocabularySize } = decoder.hyperparameters;
  using graph = new GraphBuilder(backend.bufferType, decoder.maxNodes);
  const last = graph.input(F32, [embeddingLength, 1], () => hidden.subarray(hidden.length - embeddingLength));
  const out = graph.output(decoder.buildLogits(graph, last));
  graph.allocate();
  graph.fillInputs();
  await backend.compute(graph.graph);
  const logits = new Float32Array(vocabularySize);
  getTensor(out, logits);
  return logits;
}
