import { RondoError } from "../core/errors.ts";
import type { CpuBackend } from "../ffi/ggml/cpu-backend.ts";
import type { BufferType, Tensor } from "../ffi/ggml/handles.ts";
import { Ops } from "../ffi/ggml/ops.ts";
import { ggml } from "../ffi/ggml/symbols.ts";
import { freeContext, newContext, newTensor, TensorArena } from "../ffi/ggml/tensor-arena.ts";
import { F32, I32 } from "../ffi/ggml/tensor-type.ts";
import type { GgufFile } from "../gguf/reader.ts";
import type { TensorInfo } from "../gguf/tensor-info.ts";
import type { TensorTypeName } from "../gguf/tensor-types.ts";
import type { Architecture } from "./architecture.ts";
import type { Hyperparameters } from "./hyperparameters.ts";
import { modelTensors, type TensorRole, type TensorSpec } from "./tensor-spec.ts";

/** A weight as it lies in memory: one of the file's tensors, or several stacked row after row. */
export interface PlacedWeight {
  /** Name by which the model asks for it; that of the file but for stacks and a tied output. */
  readonly name: string;
  /** Of one type and row length. */
  readonly parts: readonly TensorInfo[];
  /** `ne0` first. */
  readonly shape: readonly number[];
  readonly isRepacked: boolean;
}

interface FoundTensor {
  readonly spec: TensorSpec;
  readonly info: TensorInfo;
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
  const placed = placeAll(file, modelTensors(h), "", support);
  for (let layer = 0; layer < h.numLayers; layer++) {
    placed.push(...placeAll(file, architecture.layerTensors(h), `blk.${layer}.`, support));
  }
  refuseUnknown(file, placed);
  return [...placed, ...tiedOutput(file, placed, support)];
}

/** A tensor that nothing reads, a bias say, would be left out of the computation in silence. */
function refuseUnknown(file: GgufFile, placed: readonly PlacedWeight[]): void {
  const known = new Set(placed.flatMap(({ parts }) => parts.map(({ name }) => name)));
  for (const name of file.tensors.keys()) {
    if (known.has(name)) continue;
    throw new RondoError(
      "MODEL_UNSUPPORTED",
      `loading ${file.path}: its architecture has no place for the tensor "${name}"; use another model, or ` +
        "convert it again",
    );
  }
}

/** Bytes that a weight takes in memory. */
export function placedBytes({ parts }: PlacedWeight): number {
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function placeAll(
  file: GgufFile,
  specs: readonly TensorSpec[],
  prefix: string,
  support: TypeSupport,
): PlacedWeight[] {
  const found = specs.flatMap((spec) => {
    const info = findTensor(file, { ...spec, name: prefix + spec.name });
    if (info === undefined) return [];
    checkType(file, info, spec.role, support);
    return [{ spec, info }];
  });
  const groups = groupByStack(found);
  const isWhole = (name: string): boolean =>
    groups.get(name)?.length === specs.filter((spec) => stackName(spec) === name).length;
  const stacks = new Map<string, PlacedWeight>();
  for (const [name, group] of groups) {
    // Biases lie as their weights do: all of them in a stack, or each on its own.
    const biases = name.replace(/weight$/, "bias");
    const weights = name.replace(/bias$/, "weight");
    const fits = name === weights ? isWhole(biases) || !groups.has(biases) : stacks.has(weights);
    const stack = isWhole(name) && fits ? stackOf(prefix + name, group, support) : undefined;
    if (stack !== undefined) stacks.set(name, stack);
  }
  return [...groups].flatMap(([name, group]) => {
    const single = ({ spec, info }: FoundTensor): PlacedWeight =>
      place(info.name, [info], spec.role, support);
    return stacks.get(name) ?? group.map(single);
  });
}

function stackName({ stack, name }: TensorSpec): string {
  return stack ?? name;
}

function groupByStack(found: readonly FoundTensor[]): ReadonlyMap<string, readonly FoundTensor[]> {
  const groups = new Map<string, FoundTensor[]>();
  for (const tensor of found) {
    const name = stackName(tensor.spec);
    groups.set(name, [...(groups.get(name) ?? []), tensor]);
  }
  return groups;
}

/** All of `group` as one weight; undefined where types differ, or where stacking would undo repacking. */
function stackOf(
  name: string,
  group: readonly FoundTensor[],
  support: TypeSupport,
): PlacedWeight | undefined {
  const [first] = group;
  if (first === undefined || group.some(({ info }) => info.typeId !== first.info.typeId)) return undefined;
  const stack = place(
    name,
    group.map(({ info }) => info),
    first.spec.role,
    support,
  );
  const canRepackParts = first.spec.role === "matrix" && group.some(({ info }) => support.canRepack(info));
  return canRepackParts && !stack.isRepacked ? undefined : stack;
}

function place(
  name: string,
  parts: readonly TensorInfo[],
  role: TensorRole,
  support: TypeSupport,
): PlacedWeight {
  const [first] = parts;
  if (first === undefined) throw new RangeError(`${name} has no parts`);
  const rows = parts.reduce((sum, { shape }) => sum + (shape.at(-1) ?? 1), 0);
  const shape = [...first.shape.slice(0, -1), rows];
  return { name, parts, shape, isRepacked: role === "matrix" && support.canRepack({ ...first, shape }) };
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
  const output = place(OUTPUT, [info], "matrix", support);
  return output.isRepacked ? [output] : [];
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

/**
 * Types that ggml claims to multiply by and to look up in, and then ends the process: activations are rounded to
 * the first two, the others are no weights at all.
 */
const NOT_WEIGHTS: ReadonlySet<TensorTypeName> = new Set(["Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"]);

/** Asks ggml what it computes with which type, once for each kind of tensor. */
class TypeSupport {
  readonly #backend: CpuBackend;
  readonly #answers = new Map<string, boolean>();

  constructor(backend: CpuBackend) {
    this.#backend = backend;
  }

  canUse(info: TensorInfo, role: TensorRole): boolean {
    if (role === "vector") return info.typeId === F32;
    if (NOT_WEIGHTS.has(info.type)) return false;
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
