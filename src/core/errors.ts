/** Every way Rondo refuses or fails, as stable names that callers can branch on. */
export type RondoErrorCode =
  | "ABORTED"
  | "BACKEND_FAILED"
  | "BACKEND_MISSING"
  | "BACKEND_VERSION"
  | "CONTEXT_FULL"
  | "DIRECTORY_NOT_WRITABLE"
  | "DISPOSED"
  | "MODEL_CORRUPT"
  | "MODEL_NOT_FOUND"
  | "MODEL_NOT_GGUF"
  | "MODEL_TOO_LARGE"
  | "MODEL_TRUNCATED"
  | "MODEL_MISSING_KEY"
  | "MODEL_MISSING_TENSOR"
  | "MODEL_UNSUPPORTED"
  | "MODEL_WRONG_SHAPE"
  | "OPTION_INVALID"
  | "OPTION_UNKNOWN"
  | "OUT_OF_MEMORY"
  | "PROMPT_EMPTY"
  | "TEMPLATE_FAILED"
  | "TEMPLATE_MISSING"
  | "UNKNOWN_NAME"
  | "VOCABULARY_FAILED";

/**
 * The one error class of Rondo. The message reads
 * "what was attempted: why it cannot, what to do".
 */
export class RondoError extends Error {
  readonly code: RondoErrorCode;

  constructor(code: RondoErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "RondoError";
    this.code = code;
  }
}

/** Whether `error` is a {@link RondoError}, of the given code if one is named. */
export function isRondoError(error: unknown, code?: RondoErrorCode): error is RondoError {
  return error instanceof RondoError && (code === undefined || error.code === code);
}
