import type { Context, Tensor } from "./handles.ts";
import { ggml } from "./symbols.ts";

/** How RoPE rotates: pairs of neighbours, or of elements half a head apart. */
export type RopeMode = "interleaved" | "neox";

const ROPE_MODE: Readonly<Record<RopeMode, number>> = { interleaved: 0, neox: 2 };
const PRECISION_F32 = 10;

/** Everything of RoPE that a model file fixes (`ggml_rope_ext`). */
export interface RopeParameters {
  readonly mode: RopeMode;
  /** Elements of a head that are rotated. */
  readonly numDims: number;
  readonly freqBase: number;
  readonly freqScale: number;
  /** YaRN (arXiv 2309.00071): 0 leaves it off. */
  readonly extFactor: number;
  readonly attnFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Context the model was trained on before its RoPE was scaled, tokens. */
  readonly originalContext: number;
}

/** The operations of ggml that models use; each adds a node and answers with its result. Order is ggml's, `ne0` first. */
export class Ops {
  readonly #ctx: Context;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** The native context, for operations defined outside ggml. */
  get context(): Context {
    return this.#ctx;
  }

  add(a: Tensor, b: Tensor): Tensor {
    return ggml.ggml_add(this.#ctx, a, b);
  }

  /** Element by element; `b` is repeated to the shape of `a`. */
  mul(a: Tensor, b: Tensor): Tensor {
    return ggml.ggml_mul(this.#ctx, a, b);
  }

  /** `weights [k, n]` times `x [k, tokens]`: `[n, tokens]` f32. */
  mulMat(weights: Tensor, x: Tensor): Tensor {
    return ggml.ggml_mul_mat(this.#ctx, weights, x);
  }

  /** `x / sqrt(mean(x²) + epsilon)` over each row. */
  rmsNorm(x: Tensor, epsilon: number): Tensor {
    return ggml.ggml_rms_norm(this.#ctx, x, epsilon);
  }

  /** `silu(gate) · up`, element by element. */
  swiglu(gate: Tensor, up: Tensor): Tensor {
    return ggml.ggml_swiglu_split(this.#ctx, gate, up);
  }

  /** The same with gate and up as the halves of each row: `[2n, tokens]` to `[n, tokens]`. */
  swigluHalves(gateUp: Tensor): Tensor {
    return ggml.ggml_swiglu(this.#ctx, gateUp);
  }

  /** Rotates `x [headDim, heads, tokens]` by `positions [tokens]` i32; `factors [numDims/2]` divide frequencies. */
  rope(x: Tensor, positions: Tensor, factors: Tensor | undefined, p: RopeParameters): Tensor {
    return ggml.ggml_rope_ext(
      this.#ctx,
      x,
      positions,
      factors ?? null,
      p.numDims,
      ROPE_MODE[p.mode],
      p.originalContext,
      p.freqBase,
      p.freqScale,
      p.extFactor,
      p.attnFactor,
      p.betaFast,
      p.betaSlow,
    );
  }

  /**
   * `softmax(scale · q kᵀ + mask) v`, in f32.
   * q `[headDim, tokens, heads]`, k and v `[headDim, keys, kvHeads]`, mask `[keys, tokens]` f16;
   * answers `[headDim, heads, tokens]`.
   */
  flashAttention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: number): Tensor {
    const result = ggml.ggml_flash_attn_ext(this.#ctx, q, k, v, mask, scale, 0, 0);
    ggml.ggml_flash_attn_ext_set_prec(result, PRECISION_F32);
    return result;
  }

  /** Rows of `table` named by `rows` (i32): an embedding look-up, or a choice of tokens. */
  getRows(table: Tensor, rows: Tensor): Tensor {
    return ggml.ggml_get_rows(this.#ctx, table, rows);
  }

  /** Writes `values` into the rows of `table` named by `rows` (i64), converting to its type. */
  setRows(table: Tensor, values: Tensor, rows: Tensor): Tensor {
    return ggml.ggml_set_rows(this.#ctx, table, values, rows);
  }

  /** A copy without gaps between its rows. */
  contiguous(a: Tensor): Tensor {
    return ggml.ggml_cont(this.#ctx, a);
  }

  reshape2d(a: Tensor, ne0: number, ne1: number): Tensor {
    return ggml.ggml_reshape_2d(this.#ctx, a, ne0, ne1);
  }

  reshape3d(a: Tensor, ne0: number, ne1: number, ne2: number): Tensor {
    return ggml.ggml_reshape_3d(this.#ctx, a, ne0, ne1, ne2);
  }

  /** A window on `a` of sizes `[ne0, ne1, ne2]` with strides in bytes. */
  view3d(
    a: Tensor,
    [ne0, ne1, ne2]: readonly [number, number, number],
    [stride1Bytes, stride2Bytes]: readonly [number, number],
    offsetBytes = 0,
  ): Tensor {
    return ggml.ggml_view_3d(this.#ctx, a, ne0, ne1, ne2, stride1Bytes, stride2Bytes, offsetBytes);
  }

  /** Swaps the second and the third dimension, without moving data. */
  swapAxes12(a: Tensor): Tensor {
    return ggml.ggml_permute(this.#ctx, a, 0, 2, 1, 3);
  }
}
