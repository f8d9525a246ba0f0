/** How keys and values are stored: halves, or int8 with f16 scales. */
export type KvType = "f16" | "q8";

/** `enum rondo_kv_type` */
export const KV_TYPE_NUMBER: Readonly<Record<KvType, number>> = { f16: 0, q8: 1 };

/** Tokens of a block of keys or values; what is stored is whole blocks. */
export const BLOCK_TOKENS = 16;
/** Widest head of keys or values. */
export const MAX_HEAD_DIM = 1024;
const WIDTH_MULTIPLE = 16;
/** Head dimensions that share one scale of a q8 key. */
const SCALE_DIMS = 32;
const F16_BYTES = 2;

/** What the bytes of one layer's keys and values depend on. */
export interface KvShape {
  readonly numKvHeads: number;
  /** Elements of a key, a multiple of 16. */
  readonly headDim: number;
  /** Elements of a value, a multiple of 16. */
  readonly valueDim: number;
  readonly type: KvType;
}

/** Bytes of a run of `capacity` tokens: `[layer][kvHead][keys | values]`, see native/README.md. */
export interface KvLayout {
  readonly shape: KvShape;
  /** Tokens, a multiple of {@link BLOCK_TOKENS}. */
  readonly capacity: number;
  /** From the keys of a head to its values. */
  readonly keyBytes: number;
  /** From a head to the next. */
  readonly headBytes: number;
  /** From a layer to the next. */
  readonly layerBytes: number;
}

/** Bytes of a block of keys of one head. */
export function keyBlockBytes(type: KvType, headDim: number): number {
  if (type === "f16") return BLOCK_TOKENS * headDim * F16_BYTES;
  return BLOCK_TOKENS * (headDim + F16_BYTES * Math.ceil(headDim / SCALE_DIMS));
}

/** Bytes of a block of values of one head. */
export function valueBlockBytes(type: KvType, valueDim: number): number {
  if (type === "f16") return BLOCK_TOKENS * valueDim * F16_BYTES;
  return BLOCK_TOKENS * (valueDim + F16_BYTES);
}

/**
 * The layout of a run that has room for at least `tokens` tokens.
 *
 * @throws RangeError for a shape the kernel has no code for, or a negative or fractional number of tokens.
 */
export function kvLayout(shape: KvShape, tokens: number): KvLayout {
  checkShape(shape);
  if (!Number.isSafeInteger(tokens) || tokens < 0)
    throw new RangeError(`laying out KV: ${tokens} is not a number of tokens`);
  const blocks = Math.ceil(tokens / BLOCK_TOKENS);
  const keyBytes = blocks * keyBlockBytes(shape.type, shape.headDim);
  const headBytes = keyBytes + blocks * valueBlockBytes(shape.type, shape.valueDim);
  return {
    shape,
    capacity: blocks * BLOCK_TOKENS,
    keyBytes,
    headBytes,
    layerBytes: headBytes * shape.numKvHeads,
  };
}

/** Whether the kernel has code for keys or values of `width` elements a head. */
export function isKernelWidth(width: number): boolean {
  return Number.isInteger(width) && width > 0 && width % WIDTH_MULTIPLE === 0 && width <= MAX_HEAD_DIM;
}

function checkShape({ numKvHeads, headDim, valueDim, type }: KvShape): void {
  for (const [name, width] of [
    ["headDim", headDim],
    ["valueDim", valueDim],
  ] as const) {
    if (isKernelWidth(width)) continue;
    throw new RangeError(
      `laying out KV: ${name} ${width} is not a multiple of 16 from 16 to ${MAX_HEAD_DIM}`,
    );
  }
  if (!Number.isInteger(numKvHeads) || numKvHeads <= 0)
    throw new RangeError(`laying out KV: ${numKvHeads} is not a number of heads`);
  if (!Object.hasOwn(KV_TYPE_NUMBER, type))
    throw new RangeError(`laying out KV: type "${type}" is unknown; known are f16, q8`);
}
