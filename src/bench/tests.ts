import { createHash } from 'node:crypto';

import type { BitNet } from '../model/bitnet';
import { Decoder } from '../model/decoder';
import { greedy } from '../model/step-state';
import { philox } from '../ops/philox';
import type { PlannedTest } from './options';
import type { Receipt } from './receipt';

/** What a test runs, in the words of llama-bench. */
export interface TestSize {
  /** Tokens of the prompt, read first. */
  readonly nPrompt: number;
  /** Tokens generated after it, by each sequence. */
  readonly nGen: number;
  /** Positions in the cache before, not timed. */
  readonly nDepth: number;
  /** Sequences that generate side by side. */
  readonly nParallel: number;
}

/** Name as llama-bench gives it: `pp512`, `tg128 @ d2048`, `pp512+tg128`, `tg128 x 8`. */
export function testName({ nPrompt, nGen, nDepth, nParallel }: TestSize): string {
  const parts = [...(nPrompt > 0 ? [`pp${nPrompt}`] : []), ...(nGen > 0 ? [`tg${nGen}`] : [])];
  return `${parts.join('+')}${nParallel > 1 ? ` x ${nParallel}` : ''}${nDepth > 0 ? ` @ d${nDepth}` : ''}`;
}

/**
 * The tests of one depth and one number of sequences: they share a decoder, and each runs from the depth on, so that the positions
 * before it are filled once. Prompts are fixed random tokens.
 */
export class TestBed {
  readonly #model: BitNet;
  readonly #depth: number;
  readonly #slots: number;
  readonly #decoder: Decoder;
  readonly #ids: number[];
  #filled = false;

  /** @param room positions that the longest test needs after the depth */
  constructor(
    model: BitNet,
    { nDepth, nParallel, cacheType }: Pick<PlannedTest, 'nDepth' | 'nParallel' | 'cacheType'>,
    room: number,
  ) {
    this.#model = model;
    this.#depth = nDepth;
    this.#slots = nParallel;
    const { vocabSize } = model.config;
    const length = nDepth + room;
    this.#ids = Array.from({ length }, (_, i) => philox([i, 0, 0, 0], [1, 0])[0] % vocabSize);
    this.#decoder = new Decoder(model, { slots: nParallel, length, cacheType, logits: 'candidates' });
  }

  /** Runs a test once. What it generated is in the result: i32, a row per sequence. */
  async run({ nPrompt, nGen }: TestSize, signal?: AbortSignal): Promise<Int32Array> {
    if (nPrompt > 0) {
      const ids = this.#ids.slice(this.#depth, this.#depth + nPrompt);
      for (let slot = 0; slot < this.#slots; slot++)
        await this.#decoder.prefill(slot, ids, { start: this.#depth, signal });
    }
    if (nGen === 0) return new Int32Array(0);
    const { state } = this.#decoder;
    for (let slot = 0; slot < this.#slots; slot++)
      state.start(slot, this.#first(slot), this.#depth + nPrompt, [], greedy, [0, 0], []);
    const tokens = new Int32Array(this.#slots * nGen);
    for (let i = 0; i < nGen; i++) {
      signal?.throwIfAborted();
      await this.#decoder.step();
      state.tokens.forEach((token, slot) => (tokens[slot * nGen + i] = token));
    }
    return tokens;
  }

  /** Fills the positions before the depth, once. */
  async fill(signal?: AbortSignal): Promise<void> {
    if (this.#filled) return;
    const ids = this.#ids.slice(0, this.#depth);
    for (let slot = 0; slot < this.#slots; slot++) await this.#decoder.prefill(slot, ids, { signal });
    this.#filled = true;
  }

  /**
   * SHA-256 of what a test has computed that was the last to run here: the generated ids (of a prompt test its ids), and all logits
   * of the last token that it ran, which is run once more at its own position, as a test need not compute them.
   *
   * @param tokens what `run` gave
   */
  async hashes({ nPrompt, nGen }: TestSize, tokens: Int32Array): Promise<Pick<Receipt, 'output_hash' | 'logits_hash'>> {
    const logits = createHash('sha256');
    for (let slot = 0; slot < this.#slots; slot++) {
      const last = this.#depth + nPrompt + nGen - 1;
      const generated = nGen > 1 ? tokens[(slot + 1) * nGen - 2] : this.#first(slot);
      await this.#decoder.prefill(slot, [nGen > 0 ? generated : this.#ids[last]], {
        start: last,
        onLogits: (values) => logits.update(bytesOf(values.data())),
      });
    }
    const output = nGen > 0 ? tokens : Int32Array.from(this.#ids.slice(this.#depth, this.#depth + nPrompt));
    return {
      output_hash: createHash('sha256').update(bytesOf(output)).digest('hex'),
      logits_hash: logits.digest('hex'),
    };
  }

  dispose(): void {
    this.#decoder.dispose();
  }

  // The token that a sequence generates from: each another one, or all would do the same.
  #first(slot: number): number {
    const { bosTokenId, vocabSize } = this.#model.config;
    return slot === 0 ? (bosTokenId ?? 0) : philox([slot, 0, 0, 0], [2, 0])[0] % vocabSize;
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
