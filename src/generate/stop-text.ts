/** What a {@link StopFilter} makes of new text. */
export interface Filtered {
  /** Text that may be shown. */
  readonly text: string;
  /** The stop string that was completed, if one was. */
  readonly stop?: string;
}

/**
 * Watches text that arrives in pieces for stop strings. Text that could be the beginning of one is held back until it is
 * known not to be, so nothing of a stop string ever gets out. The result does not depend on how the text is cut.
 */
export class StopFilter {
  readonly #stops: readonly string[];
  #held = '';

  /** @param stops strings that end the text; not empty ones */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** Adds text. The stop string that ends first wins; of two that end together, the longer one. */
  push(text: string): Filtered {
    const seen = this.#held + text;
    let end = Infinity;
    let match: string | undefined;
    for (const stop of this.#stops) {
      const at = seen.indexOf(stop);
      const stopEnd = at + stop.length;
      if (at >= 0 && (stopEnd < end || (stopEnd === end && stop.length > (match?.length ?? 0))))
        [end, match] = [stopEnd, stop];
    }
    if (match !== undefined) {
      this.#held = '';
      return { text: seen.slice(0, end - match.length), stop: match };
    }
    const hold = this.#partial(seen);
    this.#held = seen.slice(seen.length - hold);
    return { text: seen.slice(0, seen.length - hold) };
  }

  /** Ends the text: what was held back turned out to be text. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    return text;
  }

  // Length of the longest end of `text` that begins a stop string.
  #partial(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let n = Math.min(stop.length - 1, text.length); n > longest; n--) {
        if (text.endsWith(stop.slice(0, n))) longest = n;
      }
    }
    return longest;
  }
}
