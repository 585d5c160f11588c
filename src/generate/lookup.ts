/** How drafts are looked up; see `SequenceOptions.promptLookup`. */
export interface PromptLookup {
  /** Longest run of last tokens that is looked for. */
  readonly ngram: number;
  /** Most tokens of a draft. */
  readonly tokens: number;
}

/**
 * A guess at the next tokens (Saxena 2023, prompt lookup decoding): what followed the last time that the text ended as it does
 * now. The longest run of last tokens that occurred before wins, two tokens at least (or `ngram`, if that is one); of several
 * places the latest.
 *
 * @param history prompt and output
 * @param limit most tokens of the draft
 * @returns `limit` tokens; none when nothing is found
 */
export function draftOf(history: readonly number[], { ngram }: PromptLookup, limit: number): number[] {
  if (limit < 1) return [];
  const end = history.length;
  const least = Math.min(2, ngram);
  let longest = 0;
  let after = -1;
  // Position of the token that followed a place at which the text ended as now.
  for (let next = end - 1; next >= least && longest < ngram; next--) {
    let n = 0;
    while (n < ngram && n < next && history[next - 1 - n] === history[end - 1 - n]) n++;
    if (n >= least && n > longest) [longest, after] = [n, next];
  }
  if (after < 0) return [];
  // Where that place reaches the end of the text, the guess repeats itself.
  const draft: number[] = [];
  for (let i = 0; i < limit; i++) draft.push(history[after + (i % (end - after))]);
  return draft;
}
