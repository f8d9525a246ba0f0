import { likeliest, likeliestIds } from "./likeliest.ts";

/** Logits further below the largest than this share the last bucket. */
const HISTOGRAM_RANGE = 32;
const NUM_BUCKETS = 8_192;
const BUCKETS_PER_UNIT = NUM_BUCKETS / HISTOGRAM_RANGE;
/** Up to this count a sorted list of the likeliest is the fastest way. */
const MAX_SORTED_TOP_K = 1_024;

/**
 * The tokens still to choose from, of one set of logits. Made once for a vocabulary, used for one token after
 * the other.
 *
 * What is kept is always a beginning of the list sorted by logit, largest first, the lower id first where two
 * are equal. A long list is never sorted as a whole: a histogram over logits shows in which bucket the end
 * lies, and only that bucket is sorted.
 */
export class Candidates {
  /** Ids in ascending order; the first {@link length} count. */
  readonly ids: Int32Array;
  length = 0;
  /** The largest logit; minus infinity where none is a number above it. */
  max: number = Number.NEGATIVE_INFINITY;
  #logits: Float32Array = new Float32Array();
  /** What the candidate at the same place of `ids` weighs in {@link #keepFirst}. */
  readonly #weights: Float64Array;
  readonly #buckets: Float64Array = new Float64Array(NUM_BUCKETS);

  constructor(vocabularySize: number) {
    this.ids = new Int32Array(vocabularySize);
    this.#weights = new Float64Array(vocabularySize);
  }

  /** Starts with the `topK` largest `logits`, all where it is 0, of those that are numbers above minus infinity. */
  select(logits: Float32Array, topK: number): void {
    this.#logits = logits;
    if (topK > 0 && topK <= MAX_SORTED_TOP_K) {
      this.#selectSorted(topK);
      return;
    }
    this.#selectAll();
    if (topK === 0 || topK >= this.length) return;
    this.#weights.fill(1, 0, this.length);
    this.#keepFirst(topK);
  }

  /** Keeps the fewest likeliest whose probabilities, among the candidates at hand, sum up to `mass` or more. */
  keepTopP(mass: number): void {
    const { ids, length, max } = this;
    const logits = this.#logits;
    const weights = this.#weights;
    let total = 0;
    for (let i = 0; i < length; i++) {
      const weight = Math.exp((logits[ids[i] as number] as number) - max);
      weights[i] = weight;
      total += weight;
    }
    this.#keepFirst(mass * total);
  }

  /** Keeps those at least `ratio` times as likely as the likeliest. */
  keepMinP(ratio: number): void {
    const { ids, length, max } = this;
    const logits = this.#logits;
    const threshold = max + Math.log(ratio);
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const id = ids[i] as number;
      if ((logits[id] as number) >= threshold) ids[kept++] = id;
    }
    this.length = kept;
  }

  #selectSorted(count: number): void {
    const sorted = likeliestIds(this.#logits, count);
    this.max = this.#logits[sorted[0] ?? -1] ?? Number.NEGATIVE_INFINITY;
    this.ids.set(sorted);
    this.ids.subarray(0, sorted.length).sort();
    this.length = sorted.length;
  }

  #selectAll(): void {
    const { ids } = this;
    const logits = this.#logits;
    this.max = logits[likeliest(logits)] ?? Number.NEGATIVE_INFINITY;
    let length = 0;
    for (let id = 0; id < logits.length; id++) {
      if ((logits[id] as number) > Number.NEGATIVE_INFINITY) ids[length++] = id;
    }
    this.length = length;
  }

  /** Keeps the first candidates, in the order of the class comment, until their weights reach `limit`. */
  #keepFirst(limit: number): void {
    this.#fillBuckets();
    const { bucket, weightBefore } = this.#findBucket(limit);
    const logits = this.#logits;
    const sorted = this.#sortedBucket(bucket);
    let sum = weightBefore;
    let last = 0;
    for (; last < sorted.length - 1; last++) {
      sum += this.#weights[sorted[last] as number] as number;
      if (sum >= limit) break;
    }
    const lastId = this.ids[sorted[last] as number] as number;
    this.#keepUpTo(lastId, logits[lastId] as number);
  }

  #fillBuckets(): void {
    const { ids, length } = this;
    const logits = this.#logits;
    const weights = this.#weights;
    const buckets = this.#buckets.fill(0);
    for (let i = 0; i < length; i++) {
      const bucket = this.#bucketOf(logits[ids[i] as number] as number);
      buckets[bucket] = (buckets[bucket] as number) + (weights[i] as number);
    }
  }

  /** The bucket in which the weights reach `limit`, the last that is not empty otherwise, and the sum before it. */
  #findBucket(limit: number): { bucket: number; weightBefore: number } {
    let found = { bucket: 0, weightBefore: 0 };
    let sum = 0;
    for (let bucket = 0; bucket < NUM_BUCKETS; bucket++) {
      const weight = this.#buckets[bucket] as number;
      if (weight === 0) continue;
      found = { bucket, weightBefore: sum };
      sum += weight;
      if (sum >= limit) break;
    }
    return found;
  }

  /** Places in `ids` of the bucket's candidates, sorted as in the class comment. */
  #sortedBucket(bucket: number): readonly number[] {
    const { ids, length } = this;
    const logits = this.#logits;
    const found: number[] = [];
    for (let i = 0; i < length; i++) {
      if (this.#bucketOf(logits[ids[i] as number] as number) === bucket) found.push(i);
    }
    const logitAt = (place: number): number => logits[ids[place] as number] as number;
    return found.sort((a, b) => logitAt(b) - logitAt(a) || a - b);
  }

  #bucketOf(logit: number): number {
    const bucket = (this.max - logit) * BUCKETS_PER_UNIT;
    return bucket < NUM_BUCKETS ? bucket | 0 : NUM_BUCKETS - 1;
  }

  #keepUpTo(lastId: number, lastLogit: number): void {
    const { ids, length } = this;
    const logits = this.#logits;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const id = ids[i] as number;
      const logit = logits[id] as number;
      if (logit > lastLogit || (logit === lastLogit && id <= lastId)) ids[kept++] = id;
    }
    this.length = kept;
  }
}
