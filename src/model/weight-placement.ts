import { RondoError } from "../core/errors.ts";
import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { BufferType, Tensor } from "../ffi/ggml/handles.ts";
import { Ops } from "../ffi/ggml/ops.ts";
import { ggml } from "../ffi/ggml/symbols.ts";
import { freeContext, newContext, newTensor, TensorArena } from "../ffi/ggml/tensor-arena.ts";
import { F32, I32 } from "../ffi/ggml/tensor-type.ts";
import type { GgufFile } from "../gguf/reader.ts";
import type { TensorInfo } from "../gguf/tensor-info.ts";
import type { Architecture } from "./architecture.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import { modelTensors, type TensorRole, type TensorSpec } from "./tensor-spec.ts";

/** One copy of a file's tensor in memory. */
export interface PlacedWeight {
  /** Name by which the model asks for it; that of the file but for a tied output. */
  readonly name: string;
  readonly info: TensorInfo;
  readonly isRepacked: boolean;
}

const OUTPUT = "output.weight";
const EMBEDDING = "token_embd.weight";

/**
 * Decides which of the file's tensors are loaded and where each lives, having checked every name, shape and
 * type, since ggml ends the process on a wrong one.
 *
 * @throws RondoError `MODEL_MISSING_TENSOR`, `MODEL_WRONG_SHAPE`, `MODEL_UNSUPPORTED`.
 */
export function placeWeights(
  file: GgufFile,
  architecture: Architecture,
  h: Hyperparameters,
  backend: CpuBackend,
): readonly PlacedWeight[] {
  const support = new TypeSupport(backend);
  const layers = Array.from({ length: h.numLayers }, (_, layer) =>
    architecture.layerTensors(h).map((spec) => ({ ...spec, name: `blk.${layer}.${spec.name}` })),
  );
  const placed: PlacedWeight[] = [];
  for (const spec of [...modelTensors(h), ...layers.flat()]) {
    const info = findTensor(file, spec);
    if (info === undefined) continue;
    checkType(file, info, spec.role, support);
    placed.push({ name: spec.name, info, isRepacked: spec.role === "matrix" && support.canRepack(info) });
  }
  return [...placed, ...tiedOutput(file, placed, support)];
}

/** A model without an output matrix multiplies by its embedding, of which a second copy is repacked if it can be. */
function tiedOutput(
  file: GgufFile,
  placed: readonly PlacedWeight[],
  support: TypeSupport,
): readonly PlacedWeight[] {
  const info = file.tensors.get(EMBEDDING);
  if (info === undefined || placed.some(({ name }) => name === OUTPUT)) return [];
  checkType(file, info, "matrix", support);
  return support.canRepack(info) ? [{ name: OUTPUT, info, isRepacked: true }] : [];
}

function findTensor(file: GgufFile, spec: TensorSpec): TensorInfo | undefined {
  const info = file.tensors.get(spec.name);
  if (info === undefined) {
    if (spec.optional === true) return undefined;
    throw new RondoError(
      "MODEL_MISSING_TENSOR",
      `loading ${file.path}: the tensor "${spec.name}" is missing; download or convert the model again`,
    );
  }
  const isEqual = info.shape.length === spec.shape.length && info.shape.every((n, i) => n === spec.shape[i]);
  if (!isEqual) {
    throw new RondoError(
      "MODEL_WRONG_SHAPE",
      `loading ${file.path}: the tensor "${spec.name}" has shape [${info.shape.join(", ")}], its metadata ask for ` +
        `[${spec.shape.join(", ")}]; download or convert the model again`,
    );
  }
  return info;
}

function checkType(file: GgufFile, info: TensorInfo, role: TensorRole, support: TypeSupport): void {
  if (support.canUse(info, role)) return;
  throw new RondoError(
    "MODEL_UNSUPPORTED",
    `loading ${file.path}: the tensor "${info.name}" has type ${info.type}, which cannot serve as a ${role} here; ` +
      "use a file with another quantisation",
  );
}

/** Asks ggml what it computes with which type, once for each kind of tensor. */
class TypeSupport {
  readonly #backend: CpuBackend;
  readonly #answers = new Map<string, boolean>();

  constructor(backend: CpuBackend) {
    this.#backend = backend;
  }

  canUse(info: TensorInfo, role: TensorRole): boolean {
    if (role === "vector") return info.typeId === F32;
    return this.#ask(`${role} ${info.typeId}`, info, this.#backend.bufferType, role);
  }

  canRepack(info: TensorInfo): boolean {
    const type = this.#backend.repackBufferType;
    if (type === undefined) return false;
    const [, rows = 1] = info.shape;
    return this.#ask(`repack ${info.typeId} ${info.shape[0]} ${rows % PROBE_ROWS}`, info, type, "matrix");
  }

  #ask(key: string, info: TensorInfo, type: BufferType, role: TensorRole): boolean {
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = probe(this.#backend, info, type, role);
    this.#answers.set(key, answer);
    return answer;
  }
}

/** Layouts of repacked weights interleave at most this many rows, so fewer rows of the same remainder tell. */
const PROBE_ROWS = 64;

/** Whether ggml computes with a weight of this type and row length in that kind of memory. */
function probe(backend: CpuBackend, info: TensorInfo, type: BufferType, role: TensorRole): boolean {
  const [rowLength = 1, rows = 1] = info.shape;
  using arena = new TensorArena(1);
  const weight = arena.declare(info.typeId, [rowLength, PROBE_ROWS + (rows % PROBE_ROWS)]);
  arena.allocate(type);
  const context = newContext(8 * ggml.ggml_tensor_overhead());
  try {
    const ops = new Ops(context);
    const op: Tensor =
      role === "table"
        ? ops.getRows(weight, newTensor(context, I32, [1]))
        : ops.mulMat(weight, newTensor(context, F32, [rowLength, 1]));
    return ggml.ggml_backend_dev_supports_op(backend.device, op);
  } finally {
    freeContext(context);
  }
}
