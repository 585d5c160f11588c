import { ContextError, DisposedError, NativeError, OptionError } from '../native/errors';
import { describe } from '../native/options';
import { sample_ } from '../ops/sample';
import { capture } from '../program/capture';
import type { Program } from '../program/program';
import type { TapListener } from '../program/tap';
import { withTaps } from '../program/tap';
import type { KvCache } from '../nn/kv-cache';
import type { Rows } from '../nn/attention';
import { zeros } from '../tensor/create';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import type { BitNet } from './bitnet';
import { checkContext } from './rows';
import { StepState } from './step-state';

/** Sizes of a decoder. */
export interface DecoderOptions {
  /** Sequences that decode side by side. */
  readonly slots: number;
  /** Positions of each sequence. */
  readonly length: number;
  /** Hooks that become part of the programs. */
  readonly listener?: TapListener;
  /**
   * Which logits a step computes: `all`, or `candidates`, those that the sampler may draw, which reads less of a large head and
   * draws the same tokens. Default `all`.
   */
  readonly logits?: 'all' | 'candidates';
}

/** What a decode step gives, one row per slot. */
export interface StepOutputs {
  /** f32 `[B, V]`; of `candidates`, minus infinity for tokens that cannot be drawn, where the head has a screen. */
  readonly logits: Tensor;
  /** f32 `[B]`: log probability of the drawn token, before any sampler setting. Of `all` logits only. */
  readonly logprob?: Tensor;
  /** i32 `[B]`: how many rows of the head were read in full to find the candidates. Where the head has a screen. */
  readonly rescored?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

/** A prefill program and the rows that it reads. */
interface Prefill {
  readonly rows: Rows;
  readonly program: Program<Tensor>;
}

// Rows of a prefill program. A prompt is cut into these, largest first; the result does not depend on the cut.
const buckets = [64, 32, 16, 8, 4, 2, 1];

function disposeRows({ ids, pos, slot }: Rows): void {
  for (const x of [ids, pos, slot]) x.dispose();
}

function chunkOf(tokens: number): number {
  return buckets.find((n) => n <= tokens) ?? 1;
}

/**
 * Runs a model token by token on captured programs: prompts go into the cache in chunks, then every step runs the waiting
 * token of each active slot and draws the next one.
 */
export class Decoder {
  readonly state: StepState;
  readonly #model: BitNet;
  readonly #cache: KvCache;
  readonly #listener: TapListener | undefined;
  readonly #length: number;
  readonly #logits: 'all' | 'candidates';
  readonly #prefills = new Map<string, Prefill>();
  #decode: Program<StepOutputs> | undefined;
  #disposed = false;

  /** @throws ContextError if `length` is beyond the model's context; OptionError for other `logits` */
  constructor(model: BitNet, { slots, length, listener, logits = 'all' }: DecoderOptions) {
    checkContext('Decoder', length, model.config);
    if (logits !== 'all' && logits !== 'candidates')
      throw new OptionError(`expected logits "all" or "candidates", received ${describe(logits)}.`, { op: 'Decoder' });
    this.#model = model;
    this.#listener = listener;
    this.#length = length;
    this.#logits = logits;
    this.state = new StepState(slots, model.config.vocabSize, model.device);
    this.#cache = model.makeCache(slots, length);
  }

  /** The program of a decode step, captured on first use. */
  get program(): Program<StepOutputs> {
    this.#check();
    this.#decode ??= this.#captureDecode();
    return this.#decode;
  }

  /** Captures the programs that a prompt of `count` tokens needs, so that `prefill` has nothing left to do but run them. */
  prepare(count: number, withLogits = false): void {
    this.#check();
    for (let done = 0; done < count;) {
      const size = chunkOf(count - done);
      this.#prefill(size, withLogits);
      done += size;
    }
  }

  /**
   * Runs tokens of a prompt into the cache of a slot.
   *
   * @param ids tokens at positions `start`, `start + 1`, …
   * @param onLogits called with the logits f32 `[n, V]` of each chunk and the index of its first token; they are valid
   *   during the call. Without it no logits are computed.
   * @param onProgress called with the number of tokens done
   * @param maxChunk most tokens of a chunk
   * @throws ContextError beyond the length of the slots; the reason of `signal` when it aborts, between two chunks
   */
  async prefill(
    slot: number,
    ids: readonly number[],
    options: {
      start?: number;
      onLogits?: (logits: Tensor, first: number) => void;
      onProgress?: (done: number) => void;
      signal?: AbortSignal;
      maxChunk?: number;
    } = {},
  ): Promise<void> {
    const { start = 0, onLogits, onProgress, signal, maxChunk = buckets[0] } = options;
    this.#checkRoom(start + ids.length);
    for (let done = 0; done < ids.length;) {
      signal?.throwIfAborted();
      this.#check();
      const size = chunkOf(Math.min(ids.length - done, maxChunk));
      const { rows, program } = this.#prefill(size, onLogits !== undefined);
      rows.ids.data().set(ids.slice(done, done + size));
      rows.pos.data().set(Array.from({ length: size }, (_, i) => start + done + i));
      rows.slot.data().fill(slot);
      await program.step();
      onLogits?.(program.outputs, done);
      done += size;
      onProgress?.(done);
    }
  }

  /**
   * Runs the waiting token of every active slot and draws the next; `state.token` has it afterwards.
   *
   * @throws NativeError if the logits of a slot were not numbers; ContextError if a slot is full
   */
  async step(): Promise<StepOutputs> {
    const { program } = this;
    const positions = Array.from(this.state.pos.data());
    this.#checkRoom(1 + Math.max(...positions));
    await program.step();
    const bad = this.state.token.data().findIndex((token, i) => positions[i] >= 0 && token < 0);
    if (bad >= 0) {
      throw new NativeError(
        `expected finite logits, received NaN or infinity in slot ${bad}. Check the hooks and biases, or the weights of the model.`,
        { op: 'step' },
      );
    }
    return program.outputs;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#decode?.dispose();
    for (const { rows, program } of this.#prefills.values()) {
      program.dispose();
      disposeRows(rows);
    }
    this.#cache.dispose();
    this.state.dispose();
  }

  #captureDecode(): Program<StepOutputs> {
    const { state } = this;
    const rows = { ids: state.token, pos: state.pos, slot: state.slot, span: this.#length };
    return withTaps(this.#listener, () =>
      capture(() =>
        scope((): StepOutputs => {
          if (this.#logits === 'all') {
            const logits = this.#model.forward(rows, this.#cache);
            return { logits, logprob: sample_(logits, state) };
          }
          const candidates = this.#model.forwardToSample(rows, this.#cache, state);
          sample_(candidates.logits, state);
          return candidates;
        }),
      ),
    );
  }

  #prefill(size: number, withLogits: boolean): Prefill {
    const key = `${size}${withLogits ? ' logits' : ''}`;
    const known = this.#prefills.get(key);
    if (known !== undefined) return known;
    const ints = (): Tensor => zeros([size], { dtype: 'i32', device: this.#model.device });
    const rows = { ids: ints(), pos: ints(), slot: ints(), span: this.#length };
    try {
      const program = withTaps(this.#listener, () =>
        capture(() => scope(() => this.#model.forward(rows, this.#cache, withLogits ? 'all' : 'none'))),
      );
      const made = { rows, program };
      this.#prefills.set(key, made);
      return made;
    } catch (error) {
      disposeRows(rows);
      throw error;
    }
  }

  #checkRoom(positions: number): void {
    if (positions <= this.#length) return;
    throw new ContextError(
      `expected at most ${this.#length} positions in a slot, received ${positions}. Make the decoder longer.`,
      {
        op: 'Decoder',
        details: { limit: this.#length, positions },
      },
    );
  }

  #check(): void {
    if (this.#disposed)
      throw new DisposedError('expected a live decoder, received one that was disposed.', { op: 'Decoder' });
  }
}
