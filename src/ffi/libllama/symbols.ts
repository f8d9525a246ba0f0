import koffi from "koffi";
import { bindLibrary, type Prototypes } from "../bind.ts";
import type { FunctionPointer } from "../brand.ts";
import { nativeLibraries } from "../library.ts";
import type { NativeVocabulary, VocabularyModel } from "./handles.ts";

/** `struct llama_model_params` of release 3.22.1, 80 bytes; padding is named so that it travels with the rest. */
const MODEL_PARAMS = {
  devices: "void *",
  tensor_buft_overrides: "void *",
  n_gpu_layers: "int32_t",
  split_mode: "int32_t",
  load_mode: "int32_t",
  lazy_mode: "int32_t",
  main_gpu: "int32_t",
  padding_36: "int32_t",
  tensor_split: "void *",
  progress_callback: "void *",
  progress_callback_user_data: "void *",
  kv_overrides: "void *",
  vocab_only: "bool",
  check_tensors: "bool",
  use_extra_bufts: "bool",
  no_host: "bool",
  no_alloc: "bool",
  padding_77: "uint8_t",
  padding_78: "uint16_t",
} as const;

export const modelParams: ReturnType<typeof koffi.struct> = koffi.struct("llama_model_params", MODEL_PARAMS);

// A library whose struct had grown would write past 80 bytes; the spare ones keep that harmless until the
// self-test of model-params.ts has refused such a library.
koffi.struct("llama_model_params_and_spare", { ...MODEL_PARAMS, spare: koffi.array("uint8_t", 176) });

export type ModelParams = {
  readonly [Field in keyof typeof MODEL_PARAMS]: (typeof MODEL_PARAMS)[Field] extends "bool"
    ? boolean
    : (typeof MODEL_PARAMS)[Field] extends "void *"
      ? null
      : number;
};

type Token = number;
type Query<Result> = (vocab: NativeVocabulary, token: Token) => Result;

/** What Rondo calls of libllama: loading a vocabulary and asking it. Models are computed by our own graphs. */
interface Llama {
  readonly llama_log_set: (callback: FunctionPointer, userData: null) => void;
  readonly llama_model_default_params: () => ModelParams;
  readonly llama_model_load_from_file: (path: string, params: ModelParams) => VocabularyModel | null;
  readonly llama_model_free: (model: VocabularyModel) => void;
  readonly llama_model_meta_val_str: (
    model: VocabularyModel,
    key: string,
    text: Uint8Array,
    textBytes: number,
  ) => number;
  readonly llama_model_get_vocab: (model: VocabularyModel) => NativeVocabulary;
  readonly llama_vocab_type: (vocab: NativeVocabulary) => number;
  readonly llama_vocab_n_tokens: (vocab: NativeVocabulary) => number;
  readonly llama_vocab_get_attr: Query<number>;
  readonly llama_vocab_is_eog: Query<boolean>;
  readonly llama_vocab_bos: (vocab: NativeVocabulary) => Token;
  readonly llama_vocab_eos: (vocab: NativeVocabulary) => Token;
  readonly llama_vocab_eot: (vocab: NativeVocabulary) => Token;
  readonly llama_vocab_get_add_bos: (vocab: NativeVocabulary) => boolean;
  readonly llama_vocab_get_add_eos: (vocab: NativeVocabulary) => boolean;
  readonly llama_tokenize: (
    vocab: NativeVocabulary,
    text: Uint8Array,
    textBytes: number,
    tokens: Int32Array,
    maxTokens: number,
    addSpecial: boolean,
    parseSpecial: boolean,
  ) => number;
  readonly llama_token_to_piece: (
    vocab: NativeVocabulary,
    token: Token,
    piece: Uint8Array,
    pieceBytes: number,
    leadingSpacesToDrop: number,
    special: boolean,
  ) => number;
}

const PROTOTYPES: Prototypes<Llama> = {
  llama_log_set: "void llama_log_set(void *log_callback, void *user_data)",
  llama_model_default_params: "llama_model_params_and_spare llama_model_default_params()",
  llama_model_load_from_file:
    "void *llama_model_load_from_file(const char *path_model, llama_model_params params)",
  llama_model_free: "void llama_model_free(void *model)",
  llama_model_meta_val_str:
    "int32_t llama_model_meta_val_str(const void *model, const char *key, uint8_t *buf, size_t buf_size)",
  llama_model_get_vocab: "void *llama_model_get_vocab(const void *model)",
  llama_vocab_type: "int llama_vocab_type(const void *vocab)",
  llama_vocab_n_tokens: "int32_t llama_vocab_n_tokens(const void *vocab)",
  llama_vocab_get_attr: "int llama_vocab_get_attr(const void *vocab, int32_t token)",
  llama_vocab_is_eog: "bool llama_vocab_is_eog(const void *vocab, int32_t token)",
  llama_vocab_bos: "int32_t llama_vocab_bos(const void *vocab)",
  llama_vocab_eos: "int32_t llama_vocab_eos(const void *vocab)",
  llama_vocab_eot: "int32_t llama_vocab_eot(const void *vocab)",
  llama_vocab_get_add_bos: "bool llama_vocab_get_add_bos(const void *vocab)",
  llama_vocab_get_add_eos: "bool llama_vocab_get_add_eos(const void *vocab)",
  llama_tokenize:
    "int32_t llama_tokenize(const void *vocab, const uint8_t *text, int32_t text_len, int32_t *tokens, " +
    "int32_t n_tokens_max, bool add_special, bool parse_special)",
  llama_token_to_piece:
    "int32_t llama_token_to_piece(const void *vocab, int32_t token, uint8_t *buf, int32_t length, " +
    "int32_t lstrip, bool special)",
};

export const llama: Llama = bindLibrary<Llama>(() => nativeLibraries().llama, PROTOTYPES);
