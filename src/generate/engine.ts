import type { BitNet } from '../model/bitnet';
import { checkContext } from '../model/rows';
import { DisposedError, OptionError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import type { CacheType } from '../ops/kv';
import { checkCacheType } from '../ops/kv';
import type { TapListener } from '../program/tap';
import { Batch } from './batch';
import { Generation } from './generation';
import type { JobHost } from './job';
import { Job } from './job';
import type { GenerateOptions, Request } from './options';
import { resolveRequests, wantedOf } from './options';
import type { TextCodec } from './result';
import { Sequence } from './sequence';
import { Task } from './task';

/** Options of {@link Engine}. */
export interface EngineOptions {
  /** Sequences that run side by side, 1 to 64; more wait for their turn. Default 4. */
  readonly slots?: number;
  /**
   * Most positions of a slot: the longest prompt and its output together. Default: the context of the model. Memory is taken
   * as longer prompts come.
   */
  readonly length?: number;
  /** Tokens that a generation may be ahead of the loop over it. Default 16. */
  readonly readAhead?: number;
  /** How keys and values are kept. Default `f32`, exact; `f16` halves and `i8` quarters their memory and reading. */
  readonly cacheType?: CacheType;
  /** Hooks that become part of the programs. */
  readonly listener?: TapListener;
}

/** How `generate` uses an engine. */
export interface OneShot {
  /** Most tokens of all drafts of a step. */
  readonly drafts?: number;
  /** Whether the engine is disposed with its first generation. */
  readonly once?: boolean;
}

/** Most sequences that run side by side. */
export const maxSlots = 64;

const OP = 'Engine';
const usualDrafts = 16;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Runs many generations of one model side by side (continuous batching): sequences join between two steps when a slot is
 * free, and leave when they are done. Prompts are run in chunks, with a step of the running sequences after each. A sequence
 * gives the same tokens as alone, whatever runs beside it, and one that fails takes no other with it.
 *
 * Slots keep the keys and values of what they ran, so that a prompt with a known beginning runs from there.
 */
export class Engine implements JobHost {
  /** Most positions of a slot. */
  readonly length: number;
  readonly #model: BitNet;
  readonly #batch: Batch;
  readonly #codec: TextCodec | undefined;
  readonly #readAhead: number;
  readonly #once: boolean;
  readonly #jobs = new Set<Job>();
  #woken = false;
  #pumping = false;
  #working = false;
  #disposed = false;
  #freed: Promise<void> | undefined;
  #onFreed: () => void = () => undefined;

  /**
   * @param codec turns ids into text; without it there are ids only
   * @param oneShot for the library's own use
   * @throws OptionError for an unknown option or a value out of range; ContextError for slots longer than the model's context
   */
  constructor(model: BitNet, options: EngineOptions = {}, codec?: TextCodec, oneShot: OneShot = {}) {
    checkOptions(OP, options, ['slots', 'length', 'readAhead', 'cacheType', 'listener']);
    const { slots = 4, length = model.config.maxPositionEmbeddings, readAhead = 16 } = options;
    checkWhole('slots', slots, 1, maxSlots);
    checkWhole('length', length, 1);
    checkWhole('readAhead', readAhead, 0);
    checkContext(OP, length, model.config);
    const { cacheType, listener } = options;
    if (cacheType !== undefined) checkCacheType(OP, cacheType);
    const { drafts = usualDrafts, once = false } = oneShot;
    this.length = length;
    this.#model = model;
    this.#codec = codec;
    this.#readAhead = readAhead;
    this.#once = once;
    this.#batch = new Batch(model, { slots, length, drafts, cacheType, listener });
  }

  /** Sequences that have a slot, and those that wait for one. */
  get load(): { readonly running: number; readonly waiting: number } {
    return this.#batch.load;
  }

  /**
   * Continues prompts of token ids. Options as those of the function `generate`, without `listener` and `cacheType`. The generation takes
   * part once its loop, or its result, is asked for.
   *
   * @throws OptionError for an unknown option, a value out of range, or an empty prompt; ContextError when a prompt and its
   *   maxTokens do not fit a slot; DisposedError after dispose, or for a model that was disposed
   */
  generate(
    prompts: readonly (readonly number[])[],
    options: Omit<GenerateOptions, 'listener' | 'cacheType'> = {},
  ): Generation {
    const { listener, cacheType } = options as GenerateOptions;
    if (listener !== undefined || cacheType !== undefined) {
      const [what, given] = listener !== undefined ? ['hooks', 'some'] : ['cacheType', 'one'];
      throw new OptionError(`expected ${what} as an option of the engine, received ${given} with a prompt.`, {
        op: 'generate',
      });
    }
    return this.start(resolveRequests(this.#model, prompts, options, this.#codec !== undefined, this.length), options);
  }

  /** For the library's own use: {@link generate} with requests that were checked. */
  start(requests: readonly Request[], options: GenerateOptions): Generation {
    if (this.#disposed)
      throw new DisposedError('expected a live engine, received one that was disposed.', { op: 'generate' });
    this.#model.weights.embed.checkAlive('generate');
    const wanted = wantedOf(options);
    const sequences = requests.map((request, i) => new Sequence(i, request, wanted, this.#codec));
    const { signal, onProgress } = options;
    return new Generation(new Job(sequences, wanted, { signal, onProgress, readAhead: this.#readAhead }, this));
  }

  submit(job: Job): void {
    if (this.#disposed) return job.end();
    this.#jobs.add(job);
    this.#batch.add(job.sequences.map((s) => new Task(job, s)));
    this.wake();
  }

  wake(): void {
    this.#woken = true;
    if (!this.#pumping) void this.#pump();
  }

  leave(job: Job): Promise<void> {
    this.#jobs.delete(job);
    if (this.#once) return this.dispose();
    // Its slots are for others now.
    this.wake();
    return Promise.resolve();
  }

  /** Ends all generations as an abort does, and frees the memory; settles when that is done. Safe to call twice. */
  dispose(): Promise<void> {
    if (this.#freed !== undefined) return this.#freed;
    this.#disposed = true;
    const freed = new Promise<void>((resolve) => (this.#onFreed = resolve));
    this.#freed = freed;
    for (const job of [...this.#jobs]) job.end();
    // A program that runs at this moment needs its memory to its end.
    if (!this.#working) this.#free();
    return freed;
  }

  #free(): void {
    this.#batch.dispose();
    this.#onFreed();
  }

  // One round after another while there is something to do.
  async #pump(): Promise<void> {
    this.#pumping = true;
    let busy = false;
    while (!this.#disposed && (busy || this.#woken)) {
      this.#woken = false;
      // Loops over generations, timers and signals get their turn; what follows runs outside of any scope() of theirs.
      await turn();
      if (!this.#disposed) busy = await this.#round();
    }
    this.#pumping = false;
  }

  async #round(): Promise<boolean> {
    this.#working = true;
    try {
      return await this.#batch.work();
    } catch (error) {
      for (const job of [...this.#jobs]) job.fail(error);
      return false;
    } finally {
      for (const job of [...this.#jobs]) if (!this.#batch.has(job)) job.end();
      this.#working = false;
      if (this.#disposed) this.#free();
    }
  }
}

function checkWhole(name: string, value: unknown, min: number, max = 2 ** 31 - 1): void {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new OptionError(`expected ${name} to be a whole number from ${min} to ${max}, received ${describe(value)}.`, {
    op: OP,
    details: { option: name },
  });
}
