import koffi from "koffi";
import type { FunctionPointer } from "../brand.ts";
import { installGgmlLog } from "../ggml/log.ts";
import { harmlessFunction } from "../library.ts";
import { llama } from "./symbols.ts";

// libllama logs dozens of lines while it loads on a worker thread. A JavaScript callback for them would make
// that thread wait for the event loop at each line, and a process that exits meanwhile would never end: the
// thread waits for a loop that is gone, the exit for the thread. So libllama is silent, by a C function
// that does nothing, and only a load that failed is repeated on the main thread with the callback set, where
// calls arrive at once, to learn why it failed.

const ERROR_LEVEL = 4;

let capture: FunctionPointer | undefined;
let errors: string[] = [];

/** Keeps libllama from writing to the terminal. */
export function silenceLlamaLog(): void {
  llama.llama_log_set(harmlessFunction(), null);
  // `llama_log_set` replaces ggml's callback too.
  installGgmlLog();
}

/** Runs `work` on this thread and answers with what libllama and ggml logged as errors meanwhile. */
export function captureErrors(work: () => void): readonly string[] {
  errors = [];
  // Never unregistered: a thread that logs late must still find it.
  capture ??= koffi.register(
    (level: number, text: string) => {
      if (level === ERROR_LEVEL) errors.push(text.trim());
    },
    koffi.pointer(koffi.proto("void rondo_llama_log(int level, const char *text, void *user_data)")),
  ) as FunctionPointer;
  llama.llama_log_set(capture, null);
  try {
    work();
  } finally {
    silenceLlamaLog();
  }
  return errors;
}
