import { type Spread, spread } from "./statistics.ts";
import type { Subject } from "./subject.ts";

export interface BenchOptions {
  readonly path: string;
  readonly vocabularySize: number;
  /** Lengths at which decoding is measured, tokens. */
  readonly contexts: readonly number[];
  /** Rounds over all subjects; each round measures each of them once, in turn. */
  readonly repeats: number;
  /** Called with what is being measured now. */
  readonly onProgress: (what: string) => void;
  readonly signal: AbortSignal;
}

/** Times of one subject, milliseconds: of a load, of reading the context, of one token. */
export interface BenchRow {
  readonly subject: string;
  readonly metric: string;
  readonly ms: Spread;
}

/** Tokens decoded in one round, and before the first one to warm up. */
const DECODE_TOKENS = 16;
/** Tokens before the later ones: another engine has used the caches since. */
const WARM_UP_TOKENS = 2;
/** The threads of the engine before spin for a while in case there is more to do. */
const SETTLE_MS = 200;
/** Beyond this the context is read once only: it takes minutes. */
const LONG_CONTEXT_TOKENS = 2048;
const LOAD_REPEATS = 3;

/** Measures all subjects in one run, in turn, so that a slow minute of the machine meets all of them. */
export async function runBench(
  subjects: readonly Subject[],
  options: BenchOptions,
): Promise<readonly BenchRow[]> {
  const times = new Map<string, { subject: string; metric: string; values: number[] }>();
  const record = (subject: Subject, metric: string, values: readonly number[]): void => {
    const key = `${subject.name} ${metric}`;
    const row = times.get(key) ?? { subject: subject.name, metric, values: [] };
    row.values.push(...values);
    times.set(key, row);
  };
  try {
    await measureLoads(subjects, options, record);
    for (const context of options.contexts) await measureContext(subjects, context, options, record);
  } finally {
    for (const subject of subjects) await subject.unload();
  }
  return [...times.values()].map(({ subject, metric, values }) => ({ subject, metric, ms: spread(values) }));
}

type Record = (subject: Subject, metric: string, values: readonly number[]) => void;

async function measureLoads(
  subjects: readonly Subject[],
  options: BenchOptions,
  record: Record,
): Promise<void> {
  for (let i = 0; i <= LOAD_REPEATS; i++) {
    for (const subject of subjects) {
      options.signal.throwIfAborted();
      options.onProgress(`${subject.name}: loading`);
      await subject.unload();
      const ms = await subject.load(options.path);
      // The first load also brings the file into the system's cache.
      if (i > 0) record(subject, "load", [ms]);
    }
  }
}

async function measureContext(
  subjects: readonly Subject[],
  context: number,
  { vocabularySize, repeats, onProgress, signal }: BenchOptions,
  record: Record,
): Promise<void> {
  const tokens = promptTokens(context, vocabularySize);
  const prefills = context > LONG_CONTEXT_TOKENS ? 1 : repeats;
  const room = context + (repeats + 1) * (WARM_UP_TOKENS + DECODE_TOKENS) + DECODE_TOKENS;
  for (let i = 0; i < prefills; i++) {
    for (const subject of subjects) {
      signal.throwIfAborted();
      onProgress(`${subject.name}: reading ${context} tokens (${i + 1} of ${prefills})`);
      await subject.open(room);
      record(subject, `prefill@${context}:full`, [await subject.prefill(tokens)]);
    }
  }
  for (let i = 0; i < repeats; i++) {
    for (const subject of subjects) {
      signal.throwIfAborted();
      onProgress(`${subject.name}: decoding at ${context} tokens (${i + 1} of ${repeats})`);
      await settle();
      await subject.decode(i === 0 ? DECODE_TOKENS : WARM_UP_TOKENS);
      record(subject, `decode@${context}:full`, await subject.decode(DECODE_TOKENS));
    }
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

/** The same tokens for everyone, spread over the vocabulary; its first ids are often special. */
function promptTokens(count: number, vocabularySize: number): readonly number[] {
  const first = Math.min(300, vocabularySize >> 2);
  return Array.from({ length: count }, (_, i) => first + ((i * 7919) % (vocabularySize - 2 * first)));
}
