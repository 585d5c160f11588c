import type { BitNet } from '../model/bitnet';
import { Decoder } from '../model/decoder';
import type { CacheType } from '../ops/kv';
import type { TapListener } from '../program/tap';
import type { Tensor } from '../tensor/tensor';
import type { Job } from './job';
import { seedWords } from './seed';
import { SlotTable } from './slots';
import type { Task } from './task';

/** Sizes and hooks of a batch. */
export interface BatchOptions {
  readonly slots: number;
  /** Most positions of a slot. */
  readonly length: number;
  /** Most tokens of all drafts of a step. */
  readonly drafts: number;
  readonly cacheType: CacheType | undefined;
  readonly listener: TapListener | undefined;
}

// A chunk of a prompt lasts about this long: so long an abort may have to wait, or the next token of other sequences. Chunks of
// 64 tokens cost hardly more than larger ones, those of 16 a tenth.
const chunkMs = { alone: 800, beside: 250 };
const firstChunk = { alone: 64, beside: 16 };
const chunkLimits = { min: 16, max: 512 };
// Slots have at least this many positions, and twice as many each time that they are too short: a cache takes memory.
const leastRoom = 128;
// Chunks below this say little about the time of a token.
const telling = 8;

// Runs the tokens of one sequence in a step.
interface Share {
  readonly task: Task;
  /** Row of its waiting token. */
  readonly home: number;
  /** Tokens guessed to follow, and their rows. */
  readonly draft: readonly number[];
  readonly rows: readonly number[];
}

/**
 * The sequences of an engine: those that wait for a slot, those whose prompts run, and those that draw tokens. Every call of
 * `work` takes them one chunk and one step further.
 *
 * The rows of a step are the drawing sequences, without gaps, and behind them the rows of drafts.
 */
export class Batch {
  readonly #model: BitNet;
  readonly #options: BatchOptions;
  readonly #slots: SlotTable;
  #decoder: Decoder | undefined;
  #waiting: Task[] = [];
  #filling: Task[] = [];
  readonly #drawing: Task[] = [];
  /** Positions that slots have at present. */
  #length = 0;
  #msPerToken: number | undefined;

  constructor(model: BitNet, options: BatchOptions) {
    this.#model = model;
    this.#options = options;
    this.#slots = new SlotTable(options.slots);
  }

  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#filling.length + this.#drawing.length, waiting: this.#waiting.length };
  }

  /** Whether a job has sequences here. */
  has(job: Job): boolean {
    return [this.#waiting, this.#filling, this.#drawing].some((tasks) => tasks.some((t) => t.job === job));
  }

  add(tasks: readonly Task[]): void {
    this.#waiting.push(...tasks);
  }

  /** A chunk of a prompt and a step of what draws. Returns whether there was any. */
  async work(): Promise<boolean> {
    this.#sweep();
    this.#admit();
    const filled = await this.#fill();
    const stepped = await this.#step();
    this.#sweep();
    return filled || stepped;
  }

  dispose(): void {
    this.#decoder?.dispose();
    this.#decoder = undefined;
  }

  #live(): Decoder {
    const { slots, drafts, cacheType, listener } = this.#options;
    const sizes = { slots, rows: slots + drafts, length: this.#length };
    this.#decoder ??= new Decoder(this.#model, { ...sizes, cacheType, listener });
    return this.#decoder;
  }

  // Makes the slots long enough for all that is here.
  #makeRoom(): void {
    const room = Math.max(...this.#waiting.map((t) => t.room));
    if (room <= this.#length) return;
    const rounded = Math.max(leastRoom, 2 ** Math.ceil(Math.log2(room)));
    this.#length = Math.min(rounded, this.#options.length);
    this.#decoder?.grow(this.#length, this.#slots.held);
  }

  // Takes out what is over.
  #sweep(): void {
    for (let row = this.#drawing.length - 1; row >= 0; row--) if (this.#drawing[row].over) this.#vacate(row);
    for (const task of this.#filling) if (task.over) this.#slots.release(task.slot);
    this.#filling = this.#filling.filter((t) => !t.over);
    this.#waiting = this.#waiting.filter((t) => !t.over);
  }

  // Frees a row and its slot; the last row moves into the gap.
  #vacate(row: number): void {
    const { state } = this.#live();
    this.#slots.release(this.#drawing[row].slot);
    const end = this.#drawing.length - 1;
    if (row < end) {
      this.#drawing[row] = this.#drawing[end];
      state.copyDraw(end, row);
    }
    this.#drawing.pop();
    state.stop(end);
  }

  // Gives free slots to those who wait, in order.
  #admit(): void {
    if (this.#waiting.length > 0) this.#makeRoom();
    while (this.#waiting.length > 0) {
      const [task] = this.#waiting;
      const taken = this.#slots.take(task.sequence.request.prompt, task.reusable);
      if (taken === undefined) return;
      this.#waiting.shift();
      this.#filling.push(task);
      task.slot = taken.slot;
      task.reuse(taken.shared);
    }
  }

  // One chunk of the prompt that came first.
  async #fill(): Promise<boolean> {
    const task = this.#filling.find((t) => t.job.wants);
    if (task === undefined) return false;
    this.#borrow(task);
    if (task.filled < task.prefix) await this.#fillChunk(task);
    if (task.filled >= task.prefix && !task.over) this.#begin(task);
    return true;
  }

  // Copies the beginning of a prompt from the slot of another sequence.
  #borrow(task: Task): void {
    if (task.filled > 0 || task.prefix === 0) return;
    const { prompt } = task.sequence.request;
    const donor = this.#slots.donor(task.slot, prompt, task.reusable);
    if (donor === undefined) return;
    const { cache } = this.#live();
    cache.copy(cache, donor.slot, task.slot, donor.shared);
    this.#slots.extend(task.slot, prompt.slice(0, donor.shared));
    task.reuse(donor.shared);
  }

  async #fillChunk(task: Task): Promise<void> {
    const { job, sequence, slot, filled: start } = task;
    const rest = sequence.request.prompt.slice(start, task.prefix);
    const maxChunk = this.#chunk();
    try {
      const captured = performance.now();
      this.#live().prepare(Math.min(rest.length, maxChunk), task.scored, maxChunk);
      const began = performance.now();
      sequence.captureMs += began - captured;
      const { count, logits } = await this.#live().prefillChunk(slot, rest, {
        start,
        withLogits: task.scored,
        maxChunk,
      });
      const ms = performance.now() - began;
      sequence.promptMs += ms;
      if (count >= telling) this.#msPerToken = ms / count;
      this.#slots.extend(slot, rest.slice(0, count));
      if (logits !== undefined) task.score(logits, start);
      task.filled += count;
      job.advance(count);
    } catch (error) {
      this.#lose(task, error);
    }
  }

  // Most tokens of the next chunk.
  #chunk(): number {
    const company = this.#drawing.length > 0 ? 'beside' : 'alone';
    if (this.#msPerToken === undefined) return firstChunk[company];
    return Math.round(Math.min(Math.max(chunkMs[company] / this.#msPerToken, chunkLimits.min), chunkLimits.max));
  }

  // Its prompt is in the cache but for the last token: it draws from now on.
  #begin(task: Task): void {
    const { prompt, params, seed } = task.sequence.request;
    const row = this.#drawing.length;
    this.#filling = this.#filling.filter((t) => t !== task);
    this.#drawing.push(task);
    const { state } = this.#live();
    state.start(row, task.next, task.position, prompt, params, seedWords(seed), task.sequence.bias());
  }

  // One step of all sequences whose next token is wanted.
  async #step(): Promise<boolean> {
    // The sequences of one call start together, so that their steps are shared from the first.
    const held = (t: Task): boolean => !t.job.begun && this.#filling.some((f) => f.job === t.job);
    const active = this.#drawing.map((t) => t.job.wants && !t.over && !held(t));
    if (!active.includes(true)) return false;
    const shares = this.#place(active);
    const tasks = shares.map((s) => s.task);
    try {
      const used = 1 + Math.max(...shares.flatMap((s) => [s.home, ...s.rows]));
      const kind = tasks.some((t) => t.measured) ? 'all' : 'candidates';
      const captured = performance.now();
      this.#live().programOf(used, kind);
      const began = performance.now();
      const outputs = await this.#live().stepRows(used, kind);
      const now = performance.now();
      for (const { job, sequence } of tasks) sequence.time(began - captured, now - began, job.age);
      const tokens = Array.from(this.#live().state.tokens);
      const logprobs = Array.from(outputs.logprob?.data() ?? []);
      for (const share of shares) this.#draw(share, (row) => [tokens[row], logprobs[row]], outputs.logits);
    } catch (error) {
      for (const task of tasks) this.#lose(task, error);
    } finally {
      for (const row of shares.flatMap((s) => s.rows)) this.#live().state.stop(row);
    }
    return true;
  }

  #lose({ job, sequence, slot }: Task, error: unknown): void {
    this.#slots.forget(slot);
    job.lose(sequence, error);
  }

  // Writes what each row runs; those that do not take part are idle.
  #place(active: readonly boolean[]): Share[] {
    const { state } = this.#live();
    let free = this.#drawing.length;
    const shares: Share[] = [];
    this.#drawing.forEach((task, home) => {
      if (!active[home]) return state.stop(home);
      const { slot, position, next, sequence } = task;
      const draft = task.draft(state.rows - free);
      const rows = draft.map(() => free++);
      [next, ...draft].forEach((token, i) => {
        const row = i === 0 ? home : rows[i - 1];
        if (i > 0) {
          state.copyDraw(i === 1 ? home : rows[i - 2], row);
          state.count(row, token);
        }
        state.place(row, { token, position: position + i, step: sequence.ids.length + i, slot });
      });
      shares.push({ task, home, draft, rows });
    });
    return shares;
  }

  // Takes the drawn tokens of a sequence: that of its waiting token, and those of the draft as far as it was right.
  #draw(
    { task, home, draft, rows }: Share,
    drawn: (row: number) => [number, number | undefined],
    logits: Tensor,
  ): void {
    const { sequence, slot } = task;
    const { state } = this.#live();
    const before = sequence.ids.length;
    let accepted = 0;
    this.#slots.extend(slot, [task.next]);
    for (const [i, row] of [home, ...rows].entries()) {
      if (task.over) break;
      const [id, logprob] = drawn(row);
      if (id < 0) return this.#lose(task, this.#live().rowError(row));
      if (i > 0) {
        accepted++;
        this.#slots.extend(slot, [draft[i - 1]]);
        state.count(home, id);
      }
      task.accept(id, logprob, logits, row);
      if (draft[i] !== id) break;
    }
    task.judge(draft.length, accepted);
    const { minTokens } = sequence.request;
    if (before < minTokens && sequence.ids.length >= minTokens) state.setBias(home, sequence.bias());
  }
}
