import type { KvLayout, KvShape } from "./layout.ts";

/** Memory that holds a run of tokens in some layers, in the layout of native/README.md. */
export interface KvMemory {
  readonly address: bigint;
  /** Bytes that are allocated there. */
  readonly bytes: number;
  readonly numLayers: number;
  readonly layout: KvLayout;
}

/** Tokens of one round that queries read: the first `length` of `memory`. */
export interface KvSegment {
  readonly memory: KvMemory;
  /** Position of the first token. */
  readonly position: number;
  readonly length: number;
  /** Whether a row sees only tokens at or before its own position; without it, all of them. */
  readonly causal?: boolean;
  /** Which rotation of the queries reads this segment; 0, the plain one, by default. */
  readonly queryVariant?: number;
}

/** Rows of the batch whose keys and values go to consecutive slots. */
export interface KvWrite {
  readonly memory: KvMemory;
  readonly firstRow: number;
  readonly numRows: number;
  /** Token slot of `memory` that `firstRow` goes to. */
  readonly firstSlot: number;
}

/** The rows of one sequence and round, at consecutive positions, and what they read and write. */
export interface AttentionEntry {
  readonly firstRow: number;
  readonly numRows: number;
  /** Position of `firstRow`. */
  readonly position: number;
  readonly segments: readonly KvSegment[];
  readonly writes: readonly KvWrite[];
  /** Rows that count for the masses, relative to `firstRow`; all by default. */
  readonly scoring?: { readonly first: number; readonly count: number };
}

/** What the entries of a batch are checked against. */
export interface BatchBounds {
  readonly shape: KvShape;
  readonly numRows: number;
  /** Layers of each memory that the batch's graph reads. */
  readonly numLayers: number;
  readonly numVariants: number;
}

const MAX_TOKENS = 2 ** 31 - 64;

/**
 * Refuses entries that would let native code read or write outside the memory they name, or write over what
 * is read: null and negative numbers, lengths beyond the capacity, slots that two writes share, rows that no
 * entry has or that two have.
 *
 * @throws RangeError that names the entry and the segment.
 */
export function checkEntries(entries: readonly AttentionEntry[], bounds: BatchBounds): void {
  let row = 0;
  for (const [i, entry] of entries.entries()) {
    const where = `attention entry ${i}`;
    if (entry.firstRow !== row || !isCount(entry.numRows) || entry.numRows === 0)
      refuse(`${where}: rows ${entry.firstRow}+${entry.numRows} do not follow row ${row}`);
    row += entry.numRows;
    if (!isCount(entry.position)) refuse(`${where}: position ${entry.position} is not one`);
    const { first, count } = entry.scoring ?? { first: 0, count: entry.numRows };
    if (!isCount(first) || !isCount(count) || first + count > entry.numRows)
      refuse(`${where}: scoring rows ${first}+${count} are not within its ${entry.numRows} rows`);
    entry.segments.forEach((segment, s) => {
      checkSegment(segment, bounds, `${where}, segment ${s}`);
    });
    entry.writes.forEach((write, w) => {
      checkWrite(write, entry, bounds, `${where}, write ${w}`);
    });
  }
  if (row !== bounds.numRows) refuse(`attention: the entries have ${row} rows, the batch ${bounds.numRows}`);
  checkOverlap(entries.flatMap((entry) => entry.writes));
}

function checkSegment(segment: KvSegment, bounds: BatchBounds, where: string): void {
  checkMemory(segment.memory, bounds, where);
  const { position, length, queryVariant = 0 } = segment;
  if (!isCount(length) || length > segment.memory.layout.capacity)
    refuse(`${where}: length ${length} is not within its capacity of ${segment.memory.layout.capacity}`);
  if (!isCount(position) || position + length > MAX_TOKENS)
    refuse(`${where}: position ${position} is not one`);
  if (!isCount(queryVariant) || queryVariant >= bounds.numVariants)
    refuse(`${where}: query variant ${queryVariant} is not one of ${bounds.numVariants}`);
}

function checkWrite(write: KvWrite, entry: AttentionEntry, bounds: BatchBounds, where: string): void {
  checkMemory(write.memory, bounds, where);
  const { firstRow, numRows, firstSlot, memory } = write;
  const end = entry.firstRow + entry.numRows;
  if (!isCount(firstRow) || !isCount(numRows) || firstRow < entry.firstRow || firstRow + numRows > end)
    refuse(`${where}: rows ${firstRow}+${numRows} are not the entry's ${entry.firstRow}+${entry.numRows}`);
  if (!isCount(firstSlot) || firstSlot + numRows > memory.layout.capacity)
    refuse(
      `${where}: slots ${firstSlot}+${numRows} are not within its capacity of ${memory.layout.capacity}`,
    );
  const position = entry.position + firstRow - entry.firstRow;
  const isRead = entry.segments.some(
    (segment) =>
      segment.memory.address === memory.address &&
      segment.position + firstSlot === position &&
      firstSlot + numRows <= segment.length,
  );
  if (!isRead)
    refuse(
      `${where}: no segment of the entry holds its slots ${firstSlot}+${numRows} at position ${position}`,
    );
}

function checkMemory(memory: KvMemory, bounds: BatchBounds, where: string): void {
  const { address, bytes, numLayers, layout } = memory;
  if (typeof address !== "bigint" || address <= 0n) refuse(`${where}: its memory is null`);
  const { numKvHeads, headDim, valueDim, type } = layout.shape;
  const wanted = bounds.shape;
  if (
    numKvHeads !== wanted.numKvHeads ||
    headDim !== wanted.headDim ||
    valueDim !== wanted.valueDim ||
    type !== wanted.type
  ) {
    refuse(`${where}: its memory was laid out for another model or KV type`);
  }
  if (!isCount(numLayers) || numLayers < bounds.numLayers)
    refuse(`${where}: its memory has ${numLayers} layers, the graph reads ${bounds.numLayers}`);
  if (!isCount(bytes) || numLayers * layout.layerBytes > bytes)
    refuse(`${where}: ${numLayers} layers of ${layout.layerBytes} bytes do not fit its ${bytes} bytes`);
}

/** No byte of one write's slots may be another's: compared memory by memory, then slot by slot. */
function checkOverlap(writes: readonly KvWrite[]): void {
  const inOrder = writes
    .filter((write) => write.numRows > 0)
    .sort((a, b) =>
      a.memory.address === b.memory.address
        ? a.firstSlot - b.firstSlot
        : a.memory.address < b.memory.address
          ? -1
          : 1,
    );
  for (const [i, write] of inOrder.entries()) {
    const next = inOrder[i + 1];
    if (next === undefined) continue;
    const isSame = next.memory.address === write.memory.address;
    const overlaps = isSame
      ? next.firstSlot < write.firstSlot + write.numRows
      : next.memory.address < write.memory.address + BigInt(write.memory.bytes);
    if (overlaps)
      refuse(
        `attention: rows ${write.firstRow}+${write.numRows} and ${next.firstRow}+${next.numRows} are written ` +
          "to the same slots",
      );
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= MAX_TOKENS;
}

function refuse(message: string): never {
  throw new RangeError(message);
}
