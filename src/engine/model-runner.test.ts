import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ATTENTION_BACKENDS, Parts } from "../../test/support/parts.ts";
import { randomTokens } from "../../test/support/prompt.ts";
import { TinyModel } from "../../test/support/tiny-model.ts";
import { liveNative } from "../ffi/live.ts";
import type { KvCache } from "../kv/kv-cache.ts";

const BATCH_TOKENS = 64;
const VOCABULARY_SIZE = 512;
const TOKENS = Int32Array.from(randomTokens(300, VOCABULARY_SIZE));

let model: TinyModel;

beforeAll(async () => {
  model = await TinyModel.write("tiny-llama-k", "F32");
});

afterAll(async () => {
  await model[Symbol.asyncDispose]();
});

describe.each(ATTENTION_BACKENDS)("a model runner, attention by %s,", (attentionBackend) => {
  let parts: Parts;
  let caches: KvCache[];

  beforeEach(async () => {
    parts = await Parts.load(model.path, { attentionBackend, batchTokens: BATCH_TOKENS });
    caches = [];
  });

  afterEach(() => {
    for (const cache of caches) {
      parts.runner.forget(cache);
      cache[Symbol.dispose]();
    }
    parts[Symbol.dispose]();
  });

  function newCache(): KvCache {
    const cache = parts.newCache();
    caches.push(cache);
    return cache;
  }

  test("answers with the logits after the last token unless asked for others", async () => {
    const [last, ...none] = await parts.runner.evaluate(newCache(), TOKENS);
    expect(none).toEqual([]);
    expect(last).toHaveLength(VOCABULARY_SIZE);
    const rows = [0, 63, 64, 150, 299];
    const asked = await parts.runner.evaluate(newCache(), TOKENS, { logitRows: rows });
    expect(asked).toHaveLength(rows.length);
    expect(asked.at(-1)).toEqual(last);
    expect(asked[0]).not.toEqual(last);
  });

  test("answers with nothing where no logits are wanted, having read all the same", async () => {
    const cache = newCache();
    expect(await parts.runner.evaluate(cache, TOKENS, { logitRows: [] })).toEqual([]);
    expect(cache.length).toBe(TOKENS.length);
  });

  test("reads nothing where there is nothing to read", async () => {
    const cache = newCache();
    expect(await parts.runner.evaluate(cache, new Int32Array(), { logitRows: [] })).toEqual([]);
    expect(cache.length).toBe(0);
    expect(parts.runner.numEvaluated).toBe(0);
  });

  test("counts the tokens it evaluated and reports them batch by batch", async () => {
    const seen: number[] = [];
    await parts.runner.evaluate(newCache(), TOKENS, { onProgress: (n) => seen.push(n) });
    expect(seen).toEqual([64, 128, 192, 256, 300]);
    expect(parts.runner.numEvaluated).toBe(300);
    expect(parts.runner.computeBytes).toBeGreaterThan(0);
  });

  test("appends to what a cache holds", async () => {
    const [whole] = await parts.runner.evaluate(newCache(), TOKENS.subarray(0, 128));
    const cache = newCache();
    await parts.runner.evaluate(cache, TOKENS.subarray(0, 64), { logitRows: [] });
    const [appended] = await parts.runner.evaluate(cache, TOKENS.subarray(64, 128));
    expect(appended).toEqual(whole);
  });

  test("continues from a shortened cache as from one that never held more", async () => {
    const cache = newCache();
    await parts.runner.evaluate(cache, TOKENS);
    cache.truncate(64);
    const [again] = await parts.runner.evaluate(cache, TOKENS.subarray(64, 128));
    const [whole] = await parts.runner.evaluate(newCache(), TOKENS.subarray(0, 128));
    expect(again).toEqual(whole);
  });

  test("evaluates two sequences at once as it does one after the other", async () => {
    const other = TOKENS.toReversed();
    const expected = [
      await parts.runner.evaluate(newCache(), TOKENS),
      await parts.runner.evaluate(newCache(), other),
    ];
    const actual = await Promise.all([
      parts.runner.evaluate(newCache(), TOKENS),
      parts.runner.evaluate(newCache(), other),
    ]);
    expect(actual).toEqual(expected);
  });

  test("decodes two sequences in turn as it does one after the other", async () => {
    const alone = newCache();
    const expected: Float32Array[] = [];
    for (const token of TOKENS.subarray(0, 20))
      expected.push(...(await parts.runner.evaluate(alone, Int32Array.of(token))));
    const [a, b] = [newCache(), newCache()];
    for (let i = 0; i < 20; i++) {
      const token = TOKENS.subarray(i, i + 1);
      const [[fromA], [fromB]] = await Promise.all([
        parts.runner.evaluate(a, token),
        parts.runner.evaluate(b, token),
      ]);
      expect(fromA).toEqual(expected[i]);
      expect(fromB).toEqual(expected[i]);
    }
  });

  test("stops between batches when asked to, and the cache is as it was", async () => {
    const cache = newCache();
    await parts.runner.evaluate(cache, TOKENS.subarray(0, 70), { logitRows: [] });
    const stop = new AbortController();
    const reading = parts.runner.evaluate(cache, TOKENS, {
      signal: stop.signal,
      onProgress: (n) => n === 128 && stop.abort(),
    });
    await expect(reading).rejects.toMatchObject({ code: "ABORTED" });
    expect(cache.length).toBe(70);
    const [after] = await parts.runner.evaluate(cache, TOKENS.subarray(70, 134));
    const fresh = newCache();
    await parts.runner.evaluate(fresh, TOKENS.subarray(0, 70), { logitRows: [] });
    expect([after]).toEqual(await parts.runner.evaluate(fresh, TOKENS.subarray(70, 134)));
  });

  test("starts nothing once the signal has fired", async () => {
    const cache = newCache();
    const signal = AbortSignal.abort();
    await expect(parts.runner.evaluate(cache, TOKENS, { signal })).rejects.toMatchObject({ code: "ABORTED" });
    expect(cache.length).toBe(0);
    expect(parts.runner.numEvaluated).toBe(0);
  });

  test("stopping one sequence leaves another alone", async () => {
    const [expected] = await parts.runner.evaluate(newCache(), TOKENS);
    const stop = new AbortController();
    const stopped = parts.runner.evaluate(newCache(), TOKENS, {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    const other = parts.runner.evaluate(newCache(), TOKENS);
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
    expect(await other).toEqual([expected]);
  });

  test("refuses batches once it is closed, of calls under way too, and closes when those have ended", async () => {
    let isSettled = false;
    const reading = parts.runner.evaluate(newCache(), TOKENS);
    const settled = reading.then(
      () => undefined,
      (error: unknown) => {
        isSettled = true;
        return error;
      },
    );
    await parts.runner.close();
    expect(isSettled).toBe(true);
    expect(await settled).toMatchObject({ code: "DISPOSED" });
    expect(caches[0]?.length).toBe(0);
    await expect(parts.runner.evaluate(newCache(), TOKENS)).rejects.toMatchObject({ code: "DISPOSED" });
  });
});

describe.each(ATTENTION_BACKENDS)("a graph under way, attention by %s,", (attentionBackend) => {
  const NUM_TOKENS = 3_000;
  const long = Int32Array.from(randomTokens(NUM_TOKENS, VOCABULARY_SIZE, 2));

  test("is stopped before its end, and what follows is right", async () => {
    const before = liveNative();
    {
      // All in one graph: stopped early means stopped within it.
      using parts = await Parts.load(model.path, { attentionBackend, batchTokens: NUM_TOKENS });
      using cache = parts.newCache();
      const start = performance.now();
      const [expected] = await parts.runner.evaluate(cache, long);
      const wholeMs = performance.now() - start;
      cache.truncate(0);

      const stop = new AbortController();
      const restart = performance.now();
      const timer = setTimeout(() => stop.abort(), wholeMs / 10);
      await expect(parts.runner.evaluate(cache, long, { signal: stop.signal })).rejects.toMatchObject({
        code: "ABORTED",
      });
      clearTimeout(timer);
      expect(performance.now() - restart).toBeLessThan(0.75 * wholeMs);
      expect(cache.length).toBe(0);
      expect(parts.runner.numEvaluated).toBe(NUM_TOKENS);
      expect(await parts.runner.evaluate(cache, long)).toEqual([expected]);
      parts.runner.forget(cache);
    }
    expect(liveNative()).toEqual(before);
  });

  test("leaves the event loop free", async () => {
    using parts = await Parts.load(model.path, { attentionBackend, batchTokens: NUM_TOKENS });
    using cache = parts.newCache();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const start = performance.now();
    await parts.runner.evaluate(cache, long);
    const wholeMs = performance.now() - start;
    clearInterval(timer);
    parts.runner.forget(cache);
    // Half the ticks may get lost on a busy machine, but not all.
    expect(ticks).toBeGreaterThan(wholeMs / 5 / 4);
  });
});
