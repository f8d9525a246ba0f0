import type { Handle } from "../brand.ts";

/** `llama_model *`, loaded with its vocabulary only. */
export type VocabularyModel = Handle<"llama_model">;
/** `const llama_vocab *`; belongs to its model and dies with it. */
export type NativeVocabulary = Handle<"llama_vocab">;
