import { OptionError } from '../native/errors';
import type { Job } from './job';
import type { GenerateEvent, GenerateResult } from './result';

/**
 * A generation under way: loop over it for the tokens as they are drawn, ask `result()` for everything at the end, or both,
 * in this order. Nothing runs before one of them is asked for. A token is computed when the loop wants it; an engine may be
 * some tokens ahead.
 *
 * Leaving the loop early ends the generation; its results then say `abort`.
 */
export class Generation implements AsyncIterable<GenerateEvent> {
  readonly #job: Job;
  readonly #events: AsyncGenerator<GenerateEvent, void, undefined>;
  #use: 'new' | 'loop' | 'result' = 'new';

  /** For the library's own use: see `generate()`. */
  constructor(job: Job) {
    this.#job = job;
    this.#events = job.events();
  }

  /** @throws OptionError on a second loop, or after `result()` */
  [Symbol.asyncIterator](): AsyncIterableIterator<GenerateEvent> {
    if (this.#use !== 'new') {
      throw new OptionError(
        'expected one loop over a generation, before result(), received another. Call generate() again.',
        { op: 'Generation' },
      );
    }
    this.#use = 'loop';
    const events = this.#events;
    const iterator: AsyncIterableIterator<GenerateEvent> = {
      next: () => events.next(),
      return: async () => {
        this.#job.end();
        await events.return();
        await this.#job.finished.catch(() => undefined);
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * One result per prompt, in order. Runs the generation to its end, or waits for the end of the loop over it.
   *
   * A prompt that fails takes no other with it: its result has `finishReason` `error` and the error.
   *
   * @throws what went wrong when all prompts failed, such as the only one; an abort is no error
   */
  async result(): Promise<GenerateResult[]> {
    if (this.#use === 'new') {
      this.#use = 'result';
      while ((await this.#events.next()).done !== true);
    }
    return this.#job.finished;
  }
}
