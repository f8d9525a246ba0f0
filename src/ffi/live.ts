/** What this process has allocated in native code and not freed yet; leak tests compare two of these. */
export interface LiveNative {
  readonly contexts: number;
  readonly buffers: number;
  readonly bufferBytes: number;
  readonly allocators: number;
  readonly backends: number;
  readonly vocabularies: number;
}

const live = { contexts: 0, buffers: 0, bufferBytes: 0, allocators: 0, backends: 0, vocabularies: 0 };

/** Books an allocation (`+1`, or bytes) or its release (`-1`). */
export function track(kind: keyof LiveNative, delta: number): void {
  live[kind] += delta;
}

/** A snapshot of the counters. */
export function liveNative(): LiveNative {
  return { ...live };
}
