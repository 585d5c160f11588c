/** A slot that was taken for a prompt. */
export interface Taken {
  readonly slot: number;
  /** Tokens of the prompt that it has already. */
  readonly shared: number;
}

interface Slot {
  /** Tokens whose keys and values it holds, from position 0. */
  tokens: number[];
  busy: boolean;
  /** When it was last given back. */
  left: number;
}

// Copying fewer is not worth it.
const leastCopied = 8;

function sharedLength(a: readonly number[], b: readonly number[], limit: number): number {
  const end = Math.min(a.length, b.length, limit);
  let n = 0;
  while (n < end && a[n] === b[n]) n++;
  return n;
}

/** Which tokens lie in which slot of a cache, and which slots are free. What a sequence leaves behind stays until it is needed. */
export class SlotTable {
  readonly #slots: readonly Slot[];
  #clock = 0;

  constructor(count: number) {
    this.#slots = Array.from({ length: count }, () => ({ tokens: [], busy: false, left: 0 }));
  }

  /** How many positions of each slot hold something. */
  get held(): number[] {
    return this.#slots.map((s) => s.tokens.length);
  }

  /**
   * Takes a free slot: the one that goes on with the prompt if there is one, else the one that was left first.
   *
   * @param limit most tokens of the prompt that may come from the cache
   */
  take(prompt: readonly number[], limit: number): Taken | undefined {
    const free = this.#slots.map((s, slot) => ({ s, slot })).filter(({ s }) => !s.busy);
    if (free.length === 0) return undefined;
    const rated = free.map(({ s, slot }) => ({ s, slot, shared: sharedLength(s.tokens, prompt, limit) }));
    const going = rated.filter(({ s, shared }) => shared > 0 && shared >= Math.min(s.tokens.length, limit));
    const oldest = (a: Slot, b: Slot): number => a.left - b.left;
    const [best] =
      going.length > 0
        ? going.sort((a, b) => b.shared - a.shared || oldest(a.s, b.s))
        : rated.sort((a, b) => oldest(a.s, b.s));
    best.s.busy = true;
    best.s.tokens = best.s.tokens.slice(0, best.shared);
    return { slot: best.slot, shared: best.shared };
  }

  /** The slot that has the most of a prompt beyond what `slot` has, if copying that pays. */
  donor(slot: number, prompt: readonly number[], limit: number): Taken | undefined {
    const own = this.#slots[slot].tokens.length;
    const rated = this.#slots.map((s, i) => ({ slot: i, shared: sharedLength(s.tokens, prompt, limit) }));
    const best = rated.reduce((a, b) => (b.shared > a.shared ? b : a));
    return best.shared >= own + leastCopied ? best : undefined;
  }

  /** Adds tokens that were run in a slot. */
  extend(slot: number, ids: readonly number[]): void {
    for (const id of ids) this.#slots[slot].tokens.push(id);
  }

  /** Nothing in the slot can be relied on. */
  forget(slot: number): void {
    this.#slots[slot].tokens = [];
  }

  /** Gives a slot back; what it holds may be used again. */
  release(slot: number): void {
    this.#slots[slot].busy = false;
    this.#slots[slot].left = ++this.#clock;
  }
}
