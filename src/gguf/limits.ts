/**
 * Upper bounds on everything that is allocated because of a number in a model file. Real files stay far
 * below them; beyond them a file is refused as corrupt before any memory is asked for.
 */

/** Bytes before the tensor data. The largest vocabularies take about 20 MB. */
export const MAX_HEADER_BYTES: number = 256 * 2 ** 20;
/** Key-value pairs. Real files hold 20 to 60. */
export const MAX_METADATA_PAIRS = 65_536;
/** Tensors. Real files hold 100 to 3,000. */
export const MAX_TENSORS = 65_536;
/** Bytes of a key, the format's own limit. */
export const MAX_KEY_BYTES = 65_535;
/** Bytes of a string value. Some files embed a whole tokenizer.json. */
export const MAX_STRING_BYTES: number = 64 * 2 ** 20;
/** Elements of an array. The largest vocabularies hold about 300,000. */
export const MAX_ARRAY_ELEMENTS: number = 16 * 2 ** 20;
/** Bytes of a tensor's name: ggml's `GGML_MAX_NAME` less the terminator. */
export const MAX_TENSOR_NAME_BYTES = 63;
/** Dimensions of a tensor: ggml's `GGML_MAX_DIMS`. */
export const MAX_DIMS = 4;
/** Alignment of tensor data in bytes. Files use 32. */
export const MAX_ALIGNMENT: number = 2 ** 20;
