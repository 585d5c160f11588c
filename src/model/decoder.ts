import { ContextError, DisposedError, NativeError, OptionError } from '../native/errors';
import { describe } from '../native/options';
import type { CacheType } from '../ops/kv';
import { isOverflow } from '../ops/kv';
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
import { write } from '../tensor/write';
import type { BitNet } from './bitnet';
import { checkContext } from './rows';
import { StepState } from './step-state';

/** Which logits a decode step computes; see {@link DecoderOptions.logits}. */
export type StepLogits = 'all' | 'candidates';

/** Sizes of a decoder. */
export interface DecoderOptions {
  /** Sequences that the cache holds. */
  readonly slots: number;
  /** Most tokens of a decode step. Default: one for each slot. */
  readonly rows?: number;
  /** Positions of each sequence. */
  readonly length: number;
  /** How keys and values are kept. Default `f32`, exact; `f16` halves and `i8` quarters their memory and reading. */
  readonly cacheType?: CacheType;
  /** Hooks that become part of the programs. */
  readonly listener?: TapListener;
  /**
   * Which logits a step computes when it is not said: `all`, or `candidates`, those that the sampler may draw, which reads less
   * of a large head and draws the same tokens. Default `all`.
   */
  readonly logits?: StepLogits;
}

/** What a decode step gives, for as many rows as its program has: those that were asked for, and idle ones behind them. */
export interface StepOutputs {
  /** f32 `[rows, V]`; of `candidates`, minus infinity for tokens that cannot be drawn, where the head has a screen. */
  readonly logits: Tensor;
  /** f32 `[rows]`: log probability of the drawn token, before any sampler setting. Of `all` logits only. */
  readonly logprob?: Tensor;
  /** i32 `[rows]`: how many rows of the head were read in full to find the candidates. Where the head has a screen. */
  readonly rescored?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

/** A prefill program and the rows that it reads. */
interface Prefill {
  readonly rows: Rows;
  readonly program: Program<Tensor>;
}

// Rows of a prefill program. A prompt is cut into these, largest first; the result does not depend on the cut.
const buckets = [512, 256, 128, 64, 32, 16, 8, 4, 2, 1];
// What a chunk has at most when nothing is asked for.
const usualChunk = 64;
// Rows of a decode program. A step runs the smallest that its tokens fit.
const stepBuckets = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

function disposeRows({ ids, pos, slot }: Rows): void {
  for (const x of [ids, pos, slot]) x.dispose();
}

// The error of a row without a token to draw.
function badLogits(row: number): NativeError {
  return new NativeError(
    `expected finite logits, received NaN or infinity in row ${row}. Check the hooks and biases, or the weights of the model.`,
    { op: 'step' },
  );
}

function chunkOf(tokens: number): number {
  return buckets.find((n) => n <= tokens) ?? 1;
}

/**
 * Runs a model token by token on captured programs: prompts go into the cache in chunks, then every step runs the waiting
 * token of each active row and draws the next one.
 */
export class Decoder {
  readonly state: StepState;
  readonly #model: BitNet;
  #cache: KvCache;
  readonly #listener: TapListener | undefined;
  #length: number;
  readonly #logits: StepLogits;
  readonly #prefills = new Map<string, Prefill>();
  readonly #decodes = new Map<string, Program<StepOutputs>>();
  #disposed = false;
  /** What the last step met in some of its rows. */
  #overflow: NativeError | undefined;

  /** @throws ContextError if `length` is beyond the model's context; OptionError for other `logits` */
  constructor(model: BitNet, { slots, rows = slots, length, cacheType, listener, logits = 'all' }: DecoderOptions) {
    checkContext('Decoder', length, model.config);
    if (logits !== 'all' && logits !== 'candidates')
      throw new OptionError(`expected logits "all" or "candidates", received ${describe(logits)}.`, { op: 'Decoder' });
    this.#model = model;
    this.#listener = listener;
    this.#length = length;
    this.#logits = logits;
    this.state = new StepState(rows, model.config.vocabSize, model.device);
    this.#cache = model.makeCache(slots, length, cacheType);
  }

  /** The program of a decode step of all rows, captured on first use. */
  get program(): Program<StepOutputs> {
    return this.programOf(this.state.rows);
  }

  /** The program of a decode step of the first `rows` rows, captured on first use; it may have some more. */
  programOf(rows: number, logits = this.#logits): Program<StepOutputs> {
    this.#check();
    const size = Math.min(stepBuckets.find((n) => n >= rows) ?? this.state.rows, this.state.rows);
    const key = `${size} ${logits}`;
    const known = this.#decodes.get(key);
    if (known !== undefined) return known;
    const made = this.#captureDecode(size, logits);
    this.#decodes.set(key, made);
    return made;
  }

  /** Keys and values of all slots. */
  get cache(): KvCache {
    return this.#cache;
  }

  /**
   * Makes the slots longer. Programs are captured again when they are needed. No program may be running.
   *
   * @param held how many positions of each slot are to be kept
   * @throws ContextError if `length` is beyond the model's context
   */
  grow(length: number, held: readonly number[]): void {
    this.#check();
    checkContext('Decoder', length, this.#model.config);
    const old = this.#cache;
    const cache = this.#model.makeCache(old.shape.slots, length, old.type);
    held.forEach((count, slot) => cache.copy(old, slot, slot, count));
    this.#disposePrograms();
    old.dispose();
    this.#cache = cache;
    this.#length = length;
  }

  /** Captures the programs that a prompt of `count` tokens needs, so that `prefill` has nothing left to do but run them. */
  prepare(count: number, withLogits = false, maxChunk = usualChunk): void {
    this.#check();
    for (let done = 0; done < count;) {
      const size = chunkOf(Math.min(count - done, maxChunk));
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
    const { start = 0, onLogits, onProgress, signal, maxChunk = usualChunk } = options;
    this.#checkRoom(start + ids.length);
    for (let done = 0; done < ids.length;) {
      signal?.throwIfAborted();
      const chunk = ids.slice(done, done + chunkOf(Math.min(ids.length - done, maxChunk)));
      const logits = await this.#runChunk(slot, chunk, start + done, onLogits !== undefined);
      onLogits?.(logits, done);
      done += chunk.length;
      onProgress?.(done);
    }
  }

  /**
   * Runs one chunk of a prompt: as many of the tokens as a program has rows.
   *
   * @param ids tokens at positions `start`, `start + 1`, …
   * @param maxChunk most tokens of the chunk
   * @returns how many tokens ran; their logits f32 `[count, V]` if asked for, valid until the next call
   * @throws ContextError beyond the length of the slots
   */
  async prefillChunk(
    slot: number,
    ids: readonly number[],
    { start = 0, withLogits = false, maxChunk = usualChunk } = {},
  ): Promise<{ count: number; logits: Tensor | undefined }> {
    const chunk = ids.slice(0, chunkOf(Math.min(ids.length, maxChunk)));
    this.#checkRoom(start + chunk.length);
    const logits = await this.#runChunk(slot, chunk, start, withLogits);
    return { count: chunk.length, logits: withLogits ? logits : undefined };
  }

  /**
   * Runs the waiting tokens of all rows and draws the next; `state.tokens` has it afterwards.
   *
   * @throws NativeError if the logits of a row were not numbers; ContextError if a slot is full
   */
  async step(): Promise<StepOutputs> {
    this.#check();
    const positions = Array.from(this.state.positions);
    const outputs = await this.stepRows(this.state.rows);
    const bad = this.state.tokens.findIndex((token, i) => positions[i] >= 0 && token < 0);
    if (bad >= 0) throw this.rowError(bad);
    return outputs;
  }

  /** Why the last step drew no token for a row: a key or value that the cache cannot hold, or logits that are not numbers. */
  rowError(row: number): NativeError {
    return this.#overflow ?? badLogits(row);
  }

  /**
   * As {@link step} for the first `rows` rows. A row that failed has token -1 afterwards, and {@link rowError} says why; the
   * others have what they would have had without it.
   *
   * @throws ContextError if a slot is full
   */
  async stepRows(rows: number, logits = this.#logits): Promise<StepOutputs> {
    const program = this.programOf(rows, logits);
    const [size] = program.outputs.logits.shape;
    this.#checkRoom(1 + Math.max(...this.state.positions.subarray(0, size)));
    const busy = Array.from(this.state.positions.subarray(0, size), (position) => position >= 0);
    this.#overflow = undefined;
    this.state.push();
    try {
      await program.step();
    } catch (error) {
      // The program ran to its end, with NaN in the rows at fault alone.
      if (this.#model.device === 'reference' || !isOverflow(error)) throw error;
      this.#overflow = error;
    } finally {
      this.state.pull();
    }
    // A hook may have hidden it.
    if (this.#overflow !== undefined && !busy.some((x, i) => x && this.state.tokens[i] < 0)) throw this.#overflow;
    return program.outputs;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#disposePrograms();
    this.#cache.dispose();
    this.state.dispose();
  }

  #disposePrograms(): void {
    for (const program of this.#decodes.values()) program.dispose();
    for (const { rows, program } of this.#prefills.values()) {
      program.dispose();
      disposeRows(rows);
    }
    this.#decodes.clear();
    this.#prefills.clear();
  }

  #captureDecode(rows: number, kind: StepLogits): Program<StepOutputs> {
    return withTaps(this.#listener, () =>
      capture(() =>
        scope((): StepOutputs => {
          const state = this.state.first(rows);
          const { token: ids, pos, slot } = state;
          const tokens = { ids, pos, slot, span: this.#length };
          if (kind === 'all') {
            const logits = this.#model.forward(tokens, this.#cache);
            return { logits, logprob: sample_(logits, state) };
          }
          const candidates = this.#model.forwardToSample(tokens, this.#cache, state);
          sample_(candidates.logits, state);
          return candidates;
        }),
      ),
    );
  }

  async #runChunk(slot: number, ids: readonly number[], start: number, withLogits: boolean): Promise<Tensor> {
    this.#check();
    const { rows, program } = this.#prefill(ids.length, withLogits);
    write(rows.ids, Int32Array.from(ids));
    write(
      rows.pos,
      Int32Array.from(ids, (_, i) => start + i),
    );
    write(rows.slot, new Int32Array(ids.length).fill(slot));
    await program.step();
    return program.outputs;
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
