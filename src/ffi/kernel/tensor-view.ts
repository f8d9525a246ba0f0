import koffi from "koffi";
import { RondoError } from "../../core/errors.ts";
import type { Tensor } from "../ggml/handles.ts";
import { freeContext, newContext, newTensor } from "../ggml/tensor-arena.ts";
import { F16 } from "../ggml/tensor-type.ts";

/** `struct ggml_tensor` starts with `type`, `buffer`, `ne[4]`, `nb[4]`; the rest is not looked at. */
const HEAD_BYTES = 80;
const SIZES_AT = 16;
const STRIDES_AT = 48;

/** The type, sizes and strides of a tensor, `ne0` first. */
export interface TensorView {
  /** `enum ggml_type` */
  readonly type: number;
  readonly sizes: readonly [number, number, number, number];
  /** Bytes from an element to the next along each axis. */
  readonly strides: readonly [number, number, number, number];
}

let isChecked = false;

/** Reads what ggml has no function for: how a tensor lies in memory. */
export function tensorView(tensor: Tensor): TensorView {
  checkStruct();
  return readView(tensor);
}

function readView(tensor: Tensor): TensorView {
  const head = new DataView(koffi.view(tensor, HEAD_BYTES));
  const four = (at: number): [number, number, number, number] => [
    Number(head.getBigInt64(at, true)),
    Number(head.getBigInt64(at + 8, true)),
    Number(head.getBigInt64(at + 16, true)),
    Number(head.getBigInt64(at + 24, true)),
  ];
  return { type: head.getInt32(0, true), sizes: four(SIZES_AT), strides: four(STRIDES_AT) };
}

/** Compares a tensor of known sizes with what is read, once a process. */
function checkStruct(): void {
  if (isChecked) return;
  const context = newContext(4096);
  try {
    const { type, sizes, strides } = readView(newTensor(context, F16, [3, 5, 7, 11]));
    const found = [type, ...sizes, ...strides].join(" ");
    const wanted = [F16, 3, 5, 7, 11, 2, 6, 30, 210].join(" ");
    if (found !== wanted) {
      throw new RondoError(
        "BACKEND_VERSION",
        `reading a tensor's strides: found ${found} where ${wanted} was written; reinstall Rondo's dependencies`,
      );
    }
  } finally {
    freeContext(context);
  }
  isChecked = true;
}
