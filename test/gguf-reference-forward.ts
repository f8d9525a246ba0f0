import { readGguf } from "../src/gguf/reader.ts";
import { TensorReader } from "../src/gguf/tensor-data.ts";
import { MODEL_SHAPES, type ModelShape, type ModelShapeName } from "../src/lab/random-model/shapes.ts";
import { logProbabilities } from "./support/divergence.ts";

/**
 * A transformer in double precision, as plain as can be. It shares nothing with the engine but the file, and is
 * what random models are measured by. F32 files only, and slow.
 */
export interface ReferenceModel {
  readonly shape: ModelShape;
  readonly tensors: ReadonlyMap<string, Float64Array>;
}

export interface ReferenceRun {
  /** Log-probabilities of the next token after each position. */
  readonly logProbabilities: readonly Float64Array[];
  /** The largest attention probability by layer, head and position. */
  readonly peaks: readonly (readonly (readonly number[])[])[];
  /** Root mean square of the residual stream before the first layer and after each. */
  readonly residualRms: readonly number[];
}

export async function loadReference(path: string, name: ModelShapeName): Promise<ReferenceModel> {
  const file = await readGguf(path);
  const tensors = new Map<string, Float64Array>();
  await using reader = await TensorReader.open(file);
  for (const info of file.tensors.values()) {
    if (info.type !== "F32") throw new TypeError(`${info.name} is ${info.type}; the reference reads F32`);
    const values = new Float32Array(info.sizeBytes / Float32Array.BYTES_PER_ELEMENT);
    await reader.readInto(info, new Uint8Array(values.buffer));
    tensors.set(info.name, Float64Array.from(values));
  }
  return { shape: MODEL_SHAPES[name], tensors };
}

/** One row a token. */
type Rows = readonly Float64Array[];

/** Runs `tokens` through the model; `attention: false` leaves out what attention adds to the residual stream. */
export function referenceForward(
  model: ReferenceModel,
  tokens: readonly number[],
  options: { readonly attention?: boolean } = {},
): ReferenceRun {
  const { width, numLayers, vocabularySize } = model.shape;
  const embedding = weights(model, "token_embd.weight");
  const rows = tokens.map((id) => Float64Array.from(embedding.subarray(id * width, (id + 1) * width)));
  const residualRms = [meanRms(rows)];
  const peaks: (readonly (readonly number[])[])[] = [];
  for (let layer = 0; layer < numLayers; layer++) {
    const prefix = `blk.${layer}.`;
    const attended = attend(model, prefix, normed(model, rows, `${prefix}attn_norm.weight`));
    peaks.push(attended.peaks);
    if (options.attention !== false) addRows(rows, attended.output);
    addRows(rows, feedForward(model, prefix, normed(model, rows, `${prefix}ffn_norm.weight`)));
    residualRms.push(meanRms(rows));
  }
  const output = model.tensors.get("output.weight") ?? embedding;
  const logits = project(normed(model, rows, "output_norm.weight"), output, vocabularySize);
  return { logProbabilities: logits.map(logProbabilities), peaks, residualRms };
}

function attend(
  model: ReferenceModel,
  prefix: string,
  rows: Rows,
): { readonly output: Rows; readonly peaks: readonly (readonly number[])[] } {
  const { numHeads, numKvHeads, headDim, width } = model.shape;
  const queries = rotated(model, `${prefix}attn_q`, rows, numHeads);
  const keys = rotated(model, `${prefix}attn_k`, rows, numKvHeads);
  const values = withBias(model, `${prefix}attn_v`, rows, numKvHeads * headDim);
  const mixed = rows.map(() => new Float64Array(numHeads * headDim));
  const peaks: number[][] = [];
  for (let head = 0; head < numHeads; head++) {
    const kvHead = Math.floor(head / (numHeads / numKvHeads));
    const [headKeys, headValues] = [headOf(keys, kvHead, headDim), headOf(values, kvHead, headDim)];
    const headMixed = headOf(mixed, head, headDim);
    peaks.push(
      headOf(queries, head, headDim).map((query, i) => {
        const visible = headKeys.slice(0, i + 1);
        const scores = visible.map((key) => dot(query, key, 0) / Math.sqrt(headDim));
        const probabilities = logProbabilities(scores).map(Math.exp);
        for (const [j, p] of probabilities.entries()) addScaled(at(headMixed, i), at(headValues, j), p);
        return probabilities.reduce((a, b) => Math.max(a, b));
      }),
    );
  }
  return { output: project(mixed, weights(model, `${prefix}attn_output.weight`), width), peaks };
}

/** Queries or keys: projected, normed by head where the model does so, and turned by their positions. */
function rotated(model: ReferenceModel, name: string, rows: Rows, numHeads: number): Rows {
  const { headDim, rmsEpsilon } = model.shape;
  const projected = withBias(model, name, rows, numHeads * headDim);
  const weight = model.tensors.get(`${name}_norm.weight`);
  for (let head = 0; head < numHeads; head++) {
    for (const [position, vector] of headOf(projected, head, headDim).entries()) {
      if (weight !== undefined) vector.set(rmsNorm(vector, weight, rmsEpsilon));
      rotate(model, vector, position);
    }
  }
  return projected;
}

function rotate(model: ReferenceModel, vector: Float64Array, position: number): void {
  const { headDim, ropeBase, architecture } = model.shape;
  const factors = model.tensors.get("rope_freqs.weight");
  for (let i = 0; i < headDim / 2; i++) {
    const angle = (position * ropeBase ** ((-2 * i) / headDim)) / (factors?.[i] ?? 1);
    const [a, b] = architecture === "llama" ? [2 * i, 2 * i + 1] : [i, i + headDim / 2];
    const [x, y] = [vector[a] ?? 0, vector[b] ?? 0];
    vector[a] = x * Math.cos(angle) - y * Math.sin(angle);
    vector[b] = x * Math.sin(angle) + y * Math.cos(angle);
  }
}

function feedForward(model: ReferenceModel, prefix: string, rows: Rows): Rows {
  const { width, feedForward: inner } = model.shape;
  const gates = project(rows, weights(model, `${prefix}ffn_gate.weight`), inner);
  const ups = project(rows, weights(model, `${prefix}ffn_up.weight`), inner);
  const gated = gates.map((gate, i) => gate.map((g, d) => (g / (1 + Math.exp(-g))) * (at(ups, i)[d] ?? 0)));
  return project(gated, weights(model, `${prefix}ffn_down.weight`), width);
}

function withBias(model: ReferenceModel, name: string, rows: Rows, outputWidth: number): Rows {
  const projected = project(rows, weights(model, `${name}.weight`), outputWidth);
  const bias = model.tensors.get(`${name}.bias`);
  if (bias !== undefined) for (const row of projected) addScaled(row, bias, 1);
  return projected;
}

/** `matrix` holds `outputWidth` rows as long as those of `rows`. */
function project(rows: Rows, matrix: Float64Array, outputWidth: number): Rows {
  return rows.map((row) => {
    const output = new Float64Array(outputWidth);
    for (let o = 0; o < outputWidth; o++) output[o] = dot(row, matrix, o * row.length);
    return output;
  });
}

function dot(row: Float64Array, other: Float64Array, offset: number): number {
  let sum = 0;
  for (let d = 0; d < row.length; d++) sum += (row[d] as number) * (other[offset + d] as number);
  return sum;
}

function normed(model: ReferenceModel, rows: Rows, name: string): Rows {
  return rows.map((row) => rmsNorm(row, weights(model, name), model.shape.rmsEpsilon));
}

function rmsNorm(row: Float64Array, weight: Float64Array, epsilon: number): Float64Array {
  const scale = 1 / Math.sqrt(dot(row, row, 0) / row.length + epsilon);
  return row.map((x, d) => x * scale * (weight[d] ?? 0));
}

function addRows(rows: Rows, more: Rows): void {
  for (const [i, row] of rows.entries()) addScaled(row, at(more, i), 1);
}

function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let d = 0; d < target.length; d++) target[d] = (target[d] as number) + factor * (source[d] as number);
}

function meanRms(rows: Rows): number {
  return rows.reduce((sum, row) => sum + Math.sqrt(dot(row, row, 0) / row.length), 0) / rows.length;
}

/** Views of one head's part of each row. */
function headOf(rows: Rows, head: number, headDim: number): Rows {
  return rows.map((row) => row.subarray(head * headDim, (head + 1) * headDim));
}

function at(rows: Rows, index: number): Float64Array {
  const row = rows[index];
  if (row === undefined) throw new RangeError(`there is no row ${index}`);
  return row;
}

function weights(model: ReferenceModel, name: string): Float64Array {
  const found = model.tensors.get(name);
  if (found === undefined) throw new TypeError(`the file lacks ${name}`);
  return found;
}
