import type { GenerateOptions } from './options';
import type { GenerateEvent, GenerateResult } from './result';
import type { Sequence, Wanted } from './sequence';

/** Who runs jobs. */
export interface JobHost {
  /** Queues the sequences of a job. */
  submit(job: Job): void;
  /** Looks whether there is something to do. */
  wake(): void;
  /** Lets go of a job that ended; settles when that is done. */
  leave(job: Job): Promise<void>;
}

/** Options of a job. */
export interface JobOptions extends Pick<GenerateOptions, 'signal' | 'onProgress'> {
  /** Events that may wait for the loop over them; with 0 a token is computed when the loop wants it. */
  readonly readAhead: number;
}

/** The sequences of one call of `generate`: what they produced, and whether anybody waits for more. */
export class Job {
  /** Settles at the end. */
  readonly finished: Promise<GenerateResult[]>;
  readonly #host: JobHost;
  readonly #options: JobOptions;
  readonly #events: GenerateEvent[] = [];
  readonly #onAbort = (): void => this.end();
  #started: number | undefined;
  #done = 0;
  #begun = false;
  #failure: { readonly error: unknown } | undefined;
  #left: Promise<void> | undefined;
  #waiting: (() => void) | undefined;
  #settle: { resolve: (results: GenerateResult[]) => void; reject: (error: unknown) => void };

  constructor(
    readonly sequences: readonly Sequence[],
    readonly wanted: Wanted,
    options: JobOptions,
    host: JobHost,
  ) {
    this.#options = options;
    this.#host = host;
    this.#settle = { resolve: () => undefined, reject: () => undefined };
    this.finished = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // A loop gets the error itself; nobody need ask for the result as well.
    this.finished.catch(() => undefined);
  }

  /** Whether the next token is wanted now. */
  get wants(): boolean {
    return !this.ended && (this.#waiting !== undefined || this.#events.length < this.#options.readAhead);
  }

  /** Whether there was a token. */
  get begun(): boolean {
    return this.#begun;
  }

  get ended(): boolean {
    return this.#left !== undefined;
  }

  /** Milliseconds since somebody asked for the first token. */
  get age(): number {
    return performance.now() - (this.#started ?? performance.now());
  }

  /** What to loop over, once. */
  async *events(): AsyncGenerator<GenerateEvent, void, undefined> {
    try {
      this.#start();
      for (;;) {
        const event = this.#events.shift();
        if (event !== undefined) {
          if (this.#options.readAhead > 0) this.#host.wake();
          yield event;
        } else if (this.ended) break;
        else await this.#news();
      }
      await this.#left;
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      this.end();
    }
  }

  /** Adds a token to the events. */
  push(event: GenerateEvent): void {
    this.#begun = true;
    this.#events.push(event);
    this.#tell();
  }

  /** Counts prompt tokens as done. An error of the listener ends the job. */
  advance(count: number): void {
    if (count === 0 || this.ended) return;
    this.#done += count;
    const total = this.sequences.reduce((sum, s) => sum + s.prefix, 0);
    try {
      this.#options.onProgress?.({ done: this.#done, total, label: 'prompt' });
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends one of its sequences with an error. The others go on; without any, the job has failed. */
  lose(sequence: Sequence, error: unknown): void {
    sequence.fail(error);
    const [first] = this.sequences;
    if (this.sequences.every((s) => s.failure !== undefined)) this.fail(first.failure?.error);
  }

  /** Ends all its sequences with an error. */
  fail(error: unknown): void {
    if (!this.ended) this.#failure = { error };
    this.end();
  }

  /** Ends all its sequences that still run. Safe to call twice. */
  end(): void {
    if (this.ended) return;
    for (const s of this.sequences) s.abort();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#left = this.#host.leave(this);
    void this.#left.then(() => {
      if (this.#failure === undefined) this.#settle.resolve(this.sequences.map((s) => s.result()));
      else this.#settle.reject(this.#failure.error);
    });
    this.#tell();
  }

  #start(): void {
    if (this.ended) return;
    const { signal } = this.#options;
    if (signal?.aborted) return this.end();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#started = performance.now();
    this.#host.submit(this);
  }

  #news(): Promise<void> {
    const news = new Promise<void>((resolve) => (this.#waiting = resolve));
    this.#host.wake();
    return news;
  }

  #tell(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }
}
