import { RondoError } from "../../core/errors.ts";
import { isNull } from "../brand.ts";
import { track } from "../live.ts";
import type { Allocator, BufferType, Context, Graph, Tensor } from "./handles.ts";
import { takeNativeError } from "./log.ts";
import { Ops } from "./ops.ts";
import { ggml } from "./symbols.ts";
import { freeContext, newContext, newTensor, type Shape, setTensor } from "./tensor-arena.ts";

interface GraphInput {
  readonly tensor: Tensor;
  readonly fill: () => NodeJS.ArrayBufferView;
}

/**
 * One graph at a time, rebuilt for every computation: `reset`, build with {@link Ops}, `allocate`, then
 * `fillInputs` before each computation. Memory for its tensors is kept and grows to the largest graph seen.
 */
export class GraphBuilder extends Ops implements Disposable {
  readonly #context: Context;
  readonly #allocator: Allocator;
  readonly #maxNodes: number;
  #graph: Graph;
  #inputs: GraphInput[] = [];
  #disposed = false;

  constructor(bufferType: BufferType, maxNodes: number) {
    const context = newContext(
      ggml.ggml_tensor_overhead() * maxNodes + ggml.ggml_graph_overhead_custom(maxNodes, false),
    );
    super(context);
    this.#context = context;
    this.#maxNodes = maxNodes;
    const allocator = ggml.ggml_gallocr_new(bufferType);
    if (isNull(allocator)) throw new RondoError("OUT_OF_MEMORY", "creating a graph allocator");
    this.#allocator = allocator;
    this.#graph = ggml.ggml_new_graph_custom(context, maxNodes, false);
    track("allocators", 1);
  }

  get graph(): Graph {
    return this.#graph;
  }

  /** Bytes reserved for the tensors of graphs. */
  get computeBytes(): number {
    return ggml.ggml_gallocr_get_buffer_size(this.#allocator, 0);
  }

  /** Forgets the graph; its tensors are dead. */
  reset(): void {
    this.#checkUsable();
    ggml.ggml_reset(this.#context);
    this.#graph = ggml.ggml_new_graph_custom(this.#context, this.#maxNodes, false);
    this.#inputs = [];
  }

  /** Declares a tensor whose contents `fill` provides before each computation. */
  input(type: number, shape: Shape, fill: () => NodeJS.ArrayBufferView): Tensor {
    this.#checkUsable();
    const tensor = newTensor(this.#context, type, shape);
    ggml.ggml_set_input(tensor);
    this.#inputs.push({ tensor, fill });
    return tensor;
  }

  /** Adds `tensor` and what it depends on to the graph, after what was added before. */
  expand(tensor: Tensor): void {
    ggml.ggml_build_forward_expand(this.#graph, tensor);
  }

  /** Marks `tensor` as a result to be read after the computation, and adds it. */
  output(tensor: Tensor): Tensor {
    ggml.ggml_set_output(tensor);
    this.expand(tensor);
    return tensor;
  }

  /** @throws RondoError `OUT_OF_MEMORY` when the tensors of the graph do not fit. */
  allocate(): void {
    this.#checkUsable();
    if (!ggml.ggml_gallocr_alloc_graph(this.#allocator, this.#graph)) {
      throw new RondoError("OUT_OF_MEMORY", `allocating a graph: ${takeNativeError()}; use a smaller batch`);
    }
  }

  fillInputs(): void {
    this.#checkUsable();
    for (const { tensor, fill } of this.#inputs) setTensor(tensor, fill());
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    ggml.ggml_gallocr_free(this.#allocator);
    track("allocators", -1);
    freeContext(this.#context);
  }

  #checkUsable(): void {
    if (this.#disposed) throw new RondoError("DISPOSED", "building a graph: its memory was freed");
  }
}
