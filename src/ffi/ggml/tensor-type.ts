/** `enum ggml_type`, of the types that graphs name in code; files may carry any other. */
export const F32 = 0;
export const F16 = 1;
export const I8 = 24;
export const I32 = 26;
export const I64 = 27;
