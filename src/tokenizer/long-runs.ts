/**
 * Names in `tokenizer.ggml.pre` whose texts libllama splits by code written for them (measured: texts of
 * 20,000 equal characters of any kind pass). All others go through `std::regex`, which recurses for each
 * character it matches: a run of 5,000 to 10,000 letters, such as a pasted image in base64, overflows the
 * stack and kills the process.
 */
const SPLIT_WITHOUT_RECURSION: ReadonlySet<string> = new Set([
  "chatglm-bpe",
  "command-r",
  "dbrx",
  "deepseek-r1-qwen",
  "exaone",
  "exaone4",
  "falcon-h1",
  "falcon3",
  "glm4",
  "gpt-2",
  "granite-docling",
  "grok-2",
  "hunyuan",
  "jais",
  "kimi-k2",
  "lfm2",
  "llama-bpe",
  "llama-v3",
  "llama3",
  "megrez",
  "midm-2.0",
  "mpt",
  "olmo",
  "pixtral",
  "qwen2",
  "qwen35",
  "smaug-bpe",
  "smollm",
  "solar-open",
  "stablelm2",
  "trillion",
]);

/** Characters in a run that `std::regex` survives, with a margin of four. */
const MAX_RUN = 1_000;

/** Whether texts for a byte-level vocabulary of this pre-tokenizer must be cut by {@link splitLongRuns}. */
export function needsSplitting(preTokenizer: string | undefined): boolean {
  return preTokenizer === undefined || !SPLIT_WITHOUT_RECURSION.has(preTokenizer);
}

/**
 * Cuts `text` so that no run of white space, and none of anything else, is longer than `maxRun` characters
 * in one part. Most texts come back whole. No part ends within a character or within one of `specialTexts`,
 * which is asked for only where there is something to cut.
 */
export function splitLongRuns(
  text: string,
  specialTexts: () => readonly string[],
  maxRun: number = MAX_RUN,
): readonly string[] {
  const parts: string[] = [];
  let specials: readonly string[] | undefined;
  let partStart = 0;
  let runStart = 0;
  for (let i = 1; i < text.length; i += 1) {
    if (isSpace(text.charCodeAt(i)) !== isSpace(text.charCodeAt(i - 1))) runStart = i;
    if (i - Math.max(runStart, partStart) < maxRun) continue;
    specials ??= specialTexts();
    const cut = cutAt(text, i, specials);
    // A special text as long as the whole part cannot be moved out of it.
    if (cut <= partStart) continue;
    parts.push(text.slice(partStart, cut));
    partStart = cut;
  }
  parts.push(text.slice(partStart));
  return parts;
}

/** The last place up to `at` that is within no character and no special text. */
function cutAt(text: string, at: number, specials: readonly string[]): number {
  const cut = isLowSurrogate(text.charCodeAt(at)) ? at - 1 : at;
  for (const special of specials) {
    const from = Math.max(0, cut - special.length + 1);
    const found = text.slice(from, cut + special.length - 1).indexOf(special);
    if (found >= 0) return cutAt(text, from + found, specials);
  }
  return cut;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function isSpace(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  return unit === 0x85 || /\s/.test(String.fromCharCode(unit));
}
