/** A token and its log probability. */
export interface TokenLogprob {
  readonly id: number;
  /** Natural logarithm of its probability, before any sampler setting. */
  readonly logprob: number;
}

/**
 * Log softmax of one row of logits, in double.
 *
 * @param row logits, finite
 * @param id token to look up
 * @param count how many of the most likely tokens to list
 * @returns the log probability of `id`, and the most likely tokens, ties by lower id
 */
export function logprobsOf(
  row: ArrayLike<number>,
  id: number,
  count: number,
): { logprob: number; top: TokenLogprob[] } {
  let max = -Infinity;
  for (let i = 0; i < row.length; i++) max = Math.max(max, row[i]);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - max);
  const logSum = max + Math.log(sum);
  return { logprob: row[id] - logSum, top: largest(row, count).map((i) => ({ id: i, logprob: row[i] - logSum })) };
}

// Indices of the `count` largest values, largest first: a short sorted list that most values do not enter.
function largest(row: ArrayLike<number>, count: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < row.length && count > 0; i++) {
    if (best.length === count && !(row[i] > row[best[count - 1]])) continue;
    if (best.length === count) best.pop();
    let at = best.length;
    while (at > 0 && row[i] > row[best[at - 1]]) at--;
    best.splice(at, 0, i);
  }
  return best;
}
