/** Id of the largest logit, the lowest id where several are equal; -1 where none is a number above minus infinity. */
export function likeliest(logits: Float32Array): number {
  let best = -1;
  let max = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > max) {
      max = logit;
      best = id;
    }
  }
  return best;
}

/**
 * Ids of the `count` largest logits, largest first, the lower id first where two are equal; fewer where fewer
 * are numbers above minus infinity. One pass that compares; meant for counts up to about a thousand.
 */
export function likeliestIds(logits: Float32Array, count: number): readonly number[] {
  const ids: number[] = [];
  if (count === 0) return ids;
  let threshold = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (!(logit > threshold)) continue;
    if (ids.length === count) ids.pop();
    ids.splice(placeFor(logit, ids, logits), 0, id);
    if (ids.length === count) threshold = logits[ids[count - 1] as number] as number;
  }
  return ids;
}

/** Where an id with `logit`, higher than all in `ids`, belongs in the sorted `ids`: after those that are equal. */
function placeFor(logit: number, ids: readonly number[], logits: Float32Array): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((logits[ids[middle] as number] as number) >= logit) low = middle + 1;
    else high = middle;
  }
  return low;
}
