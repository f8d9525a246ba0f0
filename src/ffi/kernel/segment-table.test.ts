import { describe, expect, it } from "vitest";
import { kvLayout } from "./layout.ts";
import {
  type AttentionEntry,
  type BatchBounds,
  checkEntries,
  type KvMemory,
  type KvSegment,
  type KvWrite,
} from "./segment-table.ts";

const SHAPE = { numKvHeads: 2, headDim: 64, valueDim: 64, type: "f16" } as const;
const BOUNDS: BatchBounds = { shape: SHAPE, numRows: 4, numLayers: 3, numVariants: 1 };

function memory(address: bigint, tokens: number): KvMemory {
  const layout = kvLayout(SHAPE, tokens);
  return { address, bytes: 3 * layout.layerBytes, numLayers: 3, layout };
}

const PAST = memory(4096n, 100);
const OPEN = memory(2n ** 30n, 64);

/** A batch of four rows that continue an open round of ten tokens after a round of a hundred. */
function entry(changes: {
  readonly past?: Partial<KvSegment>;
  readonly open?: Partial<KvSegment>;
  readonly write?: Partial<KvWrite>;
  readonly entry?: Partial<AttentionEntry>;
}): AttentionEntry {
  return {
    firstRow: 0,
    numRows: 4,
    position: 110,
    segments: [
      { memory: PAST, position: 0, length: 100, ...changes.past },
      { memory: OPEN, position: 100, length: 14, causal: true, ...changes.open },
    ],
    writes: [{ memory: OPEN, firstRow: 0, numRows: 4, firstSlot: 10, ...changes.write }],
    ...changes.entry,
  };
}

describe("a table of segments", () => {
  it("is accepted when every number fits", () => {
    expect(() => checkEntries([entry({})], BOUNDS)).not.toThrow();
  });

  it.each<[string, Parameters<typeof entry>[0], RegExp]>([
    ["null memory", { past: { memory: { ...PAST, address: 0n } } }, /entry 0, segment 0: its memory is null/],
    ["a negative address", { past: { memory: { ...PAST, address: -8n } } }, /segment 0: its memory is null/],
    ["a negative length", { past: { length: -1 } }, /segment 0: length -1/],
    ["a fractional length", { past: { length: 1.5 } }, /segment 0: length 1.5/],
    ["a length that is no number", { past: { length: Number.NaN } }, /segment 0: length NaN/],
    [
      "a length beyond the capacity",
      { past: { length: 113 } },
      /length 113 is not within its capacity of 112/,
    ],
    ["a negative position", { past: { position: -1 } }, /segment 0: position -1/],
    ["a position past 2³¹", { past: { position: 2 ** 31 } }, /segment 0: position 2147483648/],
    ["a rotation the queries lack", { past: { queryVariant: 1 } }, /query variant 1 is not one of 1/],
    ["too few layers", { past: { memory: { ...PAST, numLayers: 2 } } }, /2 layers, the graph reads 3/],
    [
      "memory too small for its layers",
      { past: { memory: { ...PAST, bytes: PAST.bytes - 1 } } },
      /do not fit/,
    ],
    ["scoring rows outside the entry", { entry: { scoring: { first: 2, count: 3 } } }, /scoring rows 2\+3/],
    ["a negative position of rows", { entry: { position: -1 } }, /position -1 is not one/],
    ["rows beyond the batch", { entry: { numRows: 5 } }, /the entries have 5 rows, the batch 4/],
    ["no rows", { entry: { numRows: 0 } }, /rows 0\+0/],
    [
      "slots beyond the capacity",
      { write: { firstSlot: 61 } },
      /slots 61\+4 are not within its capacity of 64/,
    ],
    ["a negative slot", { write: { firstSlot: -1 } }, /slots -1\+4/],
    ["rows of another entry", { write: { firstRow: 1 } }, /rows 1\+4 are not the entry's 0\+4/],
    ["slots at other positions", { write: { firstSlot: 9 } }, /no segment of the entry holds its slots 9\+4/],
    ["slots that are not read", { open: { length: 13 } }, /no segment of the entry holds its slots 10\+4/],
  ])("is refused for %s", (_name, changes, message) => {
    expect(() => checkEntries([entry(changes)], BOUNDS)).toThrow(RangeError);
    expect(() => checkEntries([entry(changes)], BOUNDS)).toThrow(message);
  });

  it("is refused for memory laid out for another KV type", () => {
    const layout = kvLayout({ ...SHAPE, type: "q8" }, 100);
    const past = { memory: { ...PAST, layout } };
    expect(() => checkEntries([entry({ past })], BOUNDS)).toThrow(/another model or KV type/);
  });

  it("is refused when two writes share a slot", () => {
    const writes = [
      { memory: OPEN, firstRow: 0, numRows: 4, firstSlot: 10 },
      { memory: OPEN, firstRow: 3, numRows: 1, firstSlot: 13 },
    ];
    expect(() => checkEntries([entry({ entry: { writes } })], BOUNDS)).toThrow(/written to the same slots/);
  });

  it("is refused when two writes go to memories that overlap", () => {
    const inside = { ...OPEN, address: OPEN.address + 64n };
    const other: AttentionEntry = {
      firstRow: 4,
      numRows: 1,
      position: 0,
      segments: [{ memory: inside, position: 0, length: 1, causal: true }],
      writes: [{ memory: inside, firstRow: 4, numRows: 1, firstSlot: 0 }],
    };
    expect(() => checkEntries([entry({}), other], { ...BOUNDS, numRows: 5 })).toThrow(/the same slots/);
  });

  it("is refused when two entries claim a row", () => {
    expect(() => checkEntries([entry({}), entry({})], { ...BOUNDS, numRows: 8 })).toThrow(
      /entry 1: rows 0\+4 do not follow row 4/,
    );
  });
});
