import koffi from "koffi";
import { RondoError } from "../../core/errors.ts";
import { NATIVE_VERSION } from "../library.ts";
import { llama, type ModelParams, modelParams } from "./symbols.ts";

const STRUCT_BYTES = 80;

/** What the release answers; a field that moved, came or went shows as another value here. */
const EXPECTED: Omit<ModelParams, "padding_36" | "padding_77" | "padding_78"> = {
  devices: null,
  tensor_buft_overrides: null,
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  main_gpu: 0,
  tensor_split: null,
  progress_callback: null,
  progress_callback_user_data: null,
  kv_overrides: null,
  vocab_only: false,
  check_tensors: false,
  use_extra_bufts: true,
  no_host: false,
  no_alloc: false,
};

let vocabularyOnly: ModelParams | undefined;

/**
 * Parameters that load a vocabulary and no weights.
 *
 * @throws RondoError `BACKEND_VERSION` where the library's struct is not the one this binding was written for.
 */
export function vocabularyOnlyParams(): ModelParams {
  vocabularyOnly ??= { ...checkModelParams(llama.llama_model_default_params()), vocab_only: true };
  return vocabularyOnly;
}

/** Answers `params`, or throws `BACKEND_VERSION` where they are not what the release answers. */
export function checkModelParams(
  params: ModelParams,
  structBytes: number = koffi.sizeof(modelParams),
): ModelParams {
  const wrong = Object.entries(EXPECTED)
    .filter(([field, value]) => params[field as keyof ModelParams] !== value)
    .map(([field]) => `${field} is ${params[field as keyof ModelParams]}`);
  if (structBytes !== STRUCT_BYTES) wrong.push(`the struct takes ${structBytes} bytes`);
  if (wrong.length > 0) {
    throw new RondoError(
      "BACKEND_VERSION",
      `loading libllama: its default parameters are not those of release ${NATIVE_VERSION} (${wrong.join(", ")}); ` +
        "reinstall Rondo's dependencies",
    );
  }
  return params;
}
