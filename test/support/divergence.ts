/** `log softmax(logits)`, in double precision. */
export function logProbabilities(logits: ArrayLike<number>): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) max = Math.max(max, logits[i] ?? Number.NaN);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] ?? Number.NaN) - max);
  const logSum = max + Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - logSum);
}

/** Kullback-Leibler divergence `Σ p (log p − log q)` in nats; both given as log-probabilities. NaN where either is. */
export function klDivergence(logP: Float64Array, logQ: Float64Array): number {
  if (logP.length !== logQ.length)
    throw new RangeError(`distributions over ${logP.length} and ${logQ.length} tokens cannot be compared`);
  let sum = 0;
  for (let i = 0; i < logP.length; i++) {
    const p = logP[i] ?? Number.NaN;
    if (p > Number.NEGATIVE_INFINITY) sum += Math.exp(p) * (p - (logQ[i] ?? Number.NaN));
    else if (Number.isNaN(p)) return Number.NaN;
  }
  return sum;
}

/** The largest divergence of two lists of distributions, position by position; infinite where one is NaN. */
export function worstDivergence(expected: readonly Float64Array[], actual: readonly Float64Array[]): number {
  if (expected.length !== actual.length || expected.length === 0)
    throw new RangeError(`${expected.length} and ${actual.length} distributions cannot be compared`);
  const each = expected.map((logP, i) => klDivergence(logP, actual[i] ?? logP.subarray(0, 0)));
  return each.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...each);
}
