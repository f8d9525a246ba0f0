import type { AttentionDims, AttentionParameters } from "./attention-batch.ts";
import type { KvSegment } from "./segment-table.ts";

/** Rows of one sequence in plain numbers: what tests compare the kernel with. */
export interface ReferenceEntry {
  readonly position: number;
  readonly rows: number;
  /** `[row][head][headDim]` */
  readonly queries: Float32Array;
  readonly scoring: { readonly first: number; readonly count: number };
  readonly segments: readonly KvSegment[];
  /** Per segment: keys `[token][kvHead][headDim]`, values `[token][kvHead][valueDim]`. */
  readonly contents: readonly { readonly keys: Float32Array; readonly values: Float32Array }[];
}

interface ReferenceResult {
  /** `[row][head][valueDim]` over all entries. */
  readonly output: Float64Array;
  /** `[segment][head]` over all entries. */
  readonly masses: Float64Array;
}

/** Attention in double precision, written as its definition. */
export function referenceAttention(
  dims: Required<AttentionDims>,
  parameters: AttentionParameters,
  sinks: Float32Array | undefined,
  entries: readonly ReferenceEntry[],
): ReferenceResult {
  const { numHeads, valueDim } = dims;
  const output: number[] = [];
  const masses: number[] = [];
  for (const entry of entries) {
    const shares = entry.segments.map(() => new Array<number>(numHeads).fill(0));
    for (let row = 0; row < entry.rows; row++) {
      const scored = row >= entry.scoring.first && row < entry.scoring.first + entry.scoring.count;
      for (let head = 0; head < numHeads; head++) {
        const { attended, mass } = attendRow(dims, parameters, sinks?.[head], entry, row, head);
        output.push(...attended);
        if (!scored) continue;
        mass.forEach((share, s) => {
          const of = shares[s];
          if (of === undefined) return;
          const old = of[head] ?? 0;
          of[head] = parameters.mass === "max" ? Math.max(old, share) : old + share / entry.scoring.count;
        });
      }
    }
    if (parameters.mass !== undefined) masses.push(...shares.flat());
  }
  if (output.some((x) => Number.isNaN(x)) || output.length % valueDim !== 0)
    throw new TypeError("the reference is not a number");
  return { output: Float64Array.from(output), masses: Float64Array.from(masses) };
}

function attendRow(
  { numHeads, numKvHeads, headDim, valueDim }: Required<AttentionDims>,
  { scale, softcap = 0, window = 0 }: AttentionParameters,
  sink: number | undefined,
  entry: ReferenceEntry,
  row: number,
  head: number,
): { attended: number[]; mass: number[] } {
  const kvHead = Math.floor(head / (numHeads / numKvHeads));
  const position = entry.position + row;
  const at = (values: Float32Array, i: number): number => values[i] ?? Number.NaN;
  const attended = new Array<number>(valueDim).fill(0);
  const mass: number[] = [];
  for (const [s, segment] of entry.segments.entries()) {
    const { keys, values } = entry.contents[s] ?? { keys: new Float32Array(), values: new Float32Array() };
    let sum = 0;
    for (let t = 0; t < segment.length; t++) {
      const keyPosition = segment.position + t;
      if (segment.causal === true && keyPosition > position) continue;
      if (window > 0 && position - keyPosition >= window) continue;
      let score = 0;
      for (let d = 0; d < headDim; d++)
        score +=
          at(entry.queries, (row * numHeads + head) * headDim + d) *
          at(keys, (t * numKvHeads + kvHead) * headDim + d);
      score *= scale;
      if (softcap > 0) score = softcap * Math.tanh(score / softcap);
      const weight = Math.exp(score);
      sum += weight;
      for (let c = 0; c < valueDim; c++)
        attended[c] = (attended[c] ?? 0) + weight * at(values, (t * numKvHeads + kvHead) * valueDim + c);
    }
    mass.push(sum);
  }
  const total = mass.reduce((a, b) => a + b, sink === undefined ? 0 : Math.exp(sink));
  const share = (x: number): number => (total > 0 ? x / total : 0);
  return { attended: attended.map(share), mass: mass.map(share) };
}
