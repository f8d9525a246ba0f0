import koffi from "koffi";
import type { FunctionPointer } from "../brand.ts";
import { harmlessFunction } from "../library.ts";
import { ggml } from "./symbols.ts";

/** `enum ggml_log_level` */
const LEVELS = ["debug", "debug", "info", "warn", "error"] as const;
const CONTINUE = 5;

export type NativeLogLevel = (typeof LEVELS)[number];
export type NativeLogSink = (level: NativeLogLevel, text: string) => void;

let sink: NativeLogSink = () => {};
let lastLevel: NativeLogLevel = "debug";
let lastError = "";
let callback: FunctionPointer | undefined;
let isSilencedAtExit = false;

/** Sends what ggml and libllama log to `next`; nothing of theirs is written to the terminal. */
export function setNativeLogSink(next: NativeLogSink): void {
  sink = next;
}

/** The newest line that native code logged as an error, to be put into a message; empty if none. */
export function takeNativeError(): string {
  const text = lastError;
  lastError = "";
  return text;
}

/**
 * The C callback for `ggml_log_set`. Calls from other threads wait for the main thread,
 * so native work that may log runs either on it or while it is free (`callAsync`).
 */
function nativeLogCallback(): FunctionPointer {
  callback ??= koffi.register(
    (level: number, text: string) => receive(level, text),
    koffi.pointer(koffi.proto("void rondo_log(int level, const char *text, void *user_data)")),
  ) as unknown as FunctionPointer;
  return callback;
}

/** Routes ggml's log through {@link setNativeLogSink}. */
export function installGgmlLog(): void {
  ggml.ggml_log_set(nativeLogCallback(), null);
  if (isSilencedAtExit) return;
  isSilencedAtExit = true;
  // A thread that logs while the process exits would wait for an event loop that is gone.
  process.once("exit", () => ggml.ggml_log_set(harmlessFunction(), null));
}

function receive(level: number, text: string): void {
  if (level !== CONTINUE) lastLevel = LEVELS[level] ?? "info";
  const line = text.trimEnd();
  if (line === "" || line === ".") return;
  if (lastLevel === "error") lastError = line;
  sink(lastLevel, line);
}
