import koffi from "koffi";
import type { FunctionPointer } from "../brand.ts";
import type { Tensor } from "../ggml/handles.ts";
import type { Ops } from "../ggml/ops.ts";
import { ggml } from "../ggml/symbols.ts";
import { F32, I32 } from "../ggml/tensor-type.ts";
import type { AttentionInputs } from "./attention-batch.ts";
import { ATTENTION, writeRecord } from "./records.ts";
import type { Kernel } from "./symbols.ts";
import { type TensorView, tensorView } from "./tensor-view.ts";

/** The results of a layer's attention. */
export interface AttentionNodes {
  /** `[valueDim · numHeads, numRows]` f32 */
  readonly output: Tensor;
  /** `[numHeads, numSegments]` f32; add it to the graph to have it read. */
  readonly masses: Tensor | undefined;
}

interface NodeOptions {
  readonly inputs: AttentionInputs;
  readonly sinks: Tensor | undefined;
  /** Segments whose masses are answered; 0 for none. */
  readonly masses: number;
  readonly sizes: { readonly partialFloats: number; readonly outputFloats: number };
  readonly dims: {
    readonly numHeads: number;
    readonly numKvHeads: number;
    readonly headDim: number;
    readonly valueDim: number;
    readonly numRows: number;
    readonly numVariants: number;
  };
}

const F32_BYTES = 4;
/** `GGML_N_TASKS_MAX`: as many as there are threads. */
const ALL_THREADS = -1;

/** Adds the three ops over `params` to `graph`, each a source of the next, which is all that orders them. */
export function addAttentionNodes(
  graph: Ops,
  kernel: Kernel,
  params: Buffer,
  { inputs: { q, k, v }, sinks, masses, sizes, dims }: NodeOptions,
): AttentionNodes {
  const { numHeads, numKvHeads, headDim, valueDim, numRows, numVariants } = dims;
  const query = checkTensor("queries", q, [headDim, numHeads, numRows, numVariants]);
  const key = checkTensor("keys", k, [headDim, numKvHeads, numRows, 1]);
  const value = checkTensor("values", v, [valueDim, numKvHeads, numRows, 1]);
  if (sinks !== undefined) checkTensor("sinks", sinks, [numHeads, 1, 1, 1]);

  const userData = koffi.address(params);
  const add = (type: number, size: number, sources: readonly Tensor[], op: FunctionPointer): Tensor =>
    ggml.ggml_custom_4d(
      graph.context,
      type,
      size,
      1,
      1,
      1,
      sources,
      sources.length,
      op,
      ALL_THREADS,
      userData,
    );
  const written = add(I32, 1, [k, v], kernel.write);
  const partial = add(F32, sizes.partialFloats, [q, written], kernel.partial);
  const sources = sinks === undefined ? [partial] : [partial, sinks];
  const reduced = add(F32, sizes.outputFloats, sources, kernel.reduce);

  writeRecord(ATTENTION, new DataView(params.buffer, params.byteOffset, params.byteLength), 0, {
    query: q,
    key: k,
    value: v,
    sinks: sinks ?? null,
    partial,
    queryHeadStride: query.strides[1],
    queryRowStride: query.strides[2],
    queryVariantStride: query.strides[3],
    keyHeadStride: key.strides[1],
    keyRowStride: key.strides[2],
    valueHeadStride: value.strides[1],
    valueRowStride: value.strides[2],
    partialFloats: sizes.partialFloats,
    outputFloats: sizes.outputFloats,
  });
  const view = (ne0: number, ne1: number, offset: number): Tensor =>
    ggml.ggml_view_2d(graph.context, reduced, ne0, ne1, ne0 * F32_BYTES, offset * F32_BYTES);
  const attended = valueDim * numHeads;
  return {
    output: view(attended, numRows, 0),
    masses: masses === 0 ? undefined : view(numHeads, masses, attended * numRows),
  };
}

/** The strides of an f32 tensor of these sizes whose rows have no gaps. */
function checkTensor(
  name: string,
  tensor: Tensor,
  sizes: readonly [number, number, number, number],
): TensorView {
  const view = tensorView(tensor);
  if (view.type !== F32 || view.strides[0] !== F32_BYTES || view.sizes.some((size, i) => size !== sizes[i])) {
    throw new RangeError(
      `attention: ${name} are of type ${view.type} and sizes ${view.sizes.join(" × ")}, ` +
        `they must be f32 of ${sizes.join(" × ")}`,
    );
  }
  return view;
}
