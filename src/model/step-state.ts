import { OptionError } from '../native/errors';
import { slice } from '../ops/slice';
import { zeros } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import { contiguousStrides } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { copyElements, write } from '../tensor/write';

/** How the next token of one sequence is drawn; see the `sample_` op for the order in which the filters apply. */
export interface SamplerParams {
  /** 0 takes the most likely token. */
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 is off. */
  readonly topK: number;
  /** Keep the most likely tokens that together reach this probability; 1 is off. */
  readonly topP: number;
  /** Drop tokens below this fraction of the largest probability; 0 is off. */
  readonly minP: number;
  /** Keep the tokens whose information is nearest to the entropy, up to this probability; 1 is off. */
  readonly typicalP: number;
  /** Divides (multiplies, when negative) logits of tokens seen in prompt or output; 1 is off. */
  readonly repetition: number;
  /** Subtracted from logits of tokens in the output; 0 is off. */
  readonly presence: number;
  /** Subtracted once for every occurrence in the output; 0 is off. */
  readonly frequency: number;
}

/** The most likely token, with every setting off. */
export const greedy: SamplerParams = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetition: 1,
  presence: 0,
  frequency: 0,
};

/** Bit of `seen` that says that a token occurs in the prompt; the bits below count its occurrences in the output. */
export const promptBit = 1 << 30;

const order: readonly (keyof SamplerParams)[] = [
  'temperature',
  'topK',
  'topP',
  'minP',
  'typicalP',
  'repetition',
  'presence',
  'frequency',
];

/** The token that a row runs next. */
export interface Placement {
  readonly token: number;
  /** Its position; -1 leaves the row idle. */
  readonly position: number;
  /** Tokens drawn before it: the counter of the random generator. */
  readonly step: number;
  /** Where its sequence lies in the cache. */
  readonly slot: number;
}

// Words of a row that change from step to step, in this order: token, position, slot, draws, two words of seed.
const wordsOfRow = 6;

/**
 * Everything that changes from token to token, one entry per row of a decode step. Programs read and write the tensors; the host
 * writes between steps: rows go to the device with `push()`, and come back with `pull()`. A row at position -1 is idle. Any row
 * may run any slot of the cache, several rows consecutive tokens of one.
 */
export class StepState {
  /** i32 `[B]`: token to run next; after a step the one just drawn, or -1 when the logits were not numbers. */
  readonly token: Tensor;
  /** i32 `[B]`: its position. */
  readonly pos: Tensor;
  /** i32 `[B]`: slot of the cache; 0, 1, … at first. */
  readonly slot: Tensor;
  /** i32 `[B]`: tokens drawn so far; the counter of the random generator. */
  readonly step: Tensor;
  /** i32 `[B, 2]`: key of the random generator. */
  readonly seed: Tensor;
  /** f32 `[B, 8]` */
  readonly params: Tensor;
  /** i32 `[B, V]`, see {@link promptBit}. */
  readonly seen: Tensor;
  /** f32 `[B, V]`: added to the logits. */
  readonly bias: Tensor;
  // The first five lie in one tensor, so that a step costs one copy each way: the host's side of it, the memory itself on the CPU.
  readonly #words: Tensor;
  readonly #host: Int32Array;
  #changed = true;

  constructor(
    readonly rows: number,
    readonly vocabSize: number,
    device: DeviceName,
  ) {
    this.#words = zeros([wordsOfRow * rows], { dtype: 'i32', device });
    this.#host = this.#words.data() as Int32Array;
    const part = (first: number, ...width: number[]): Tensor =>
      this.#words.view([rows, ...width], contiguousStrides([rows, ...width]), first * rows);
    this.token = part(0);
    this.pos = part(1);
    this.slot = part(2);
    this.step = part(3);
    this.seed = part(4, 2);
    this.params = zeros([rows, order.length], { device });
    this.seen = zeros([rows, vocabSize], { dtype: 'i32', device });
    this.bias = zeros([rows, vocabSize], { device });
    this.#section(2).forEach((_, i, slots) => (slots[i] = i));
    this.positions.fill(-1);
  }

  /** The tokens of all rows, as they were at the last `pull()` and as the host set them since. */
  get tokens(): Int32Array {
    return this.#section(0);
  }

  /** The positions of all rows, likewise. */
  get positions(): Int32Array {
    return this.#section(1);
  }

  /** Gives the device what the host changed. Before a program runs. */
  push(): void {
    if (this.#changed && this.#words.device !== 'cpu') write(this.#words, this.#host);
    this.#changed = false;
  }

  /** Takes over what a program changed. */
  pull(): void {
    if (this.#words.device !== 'cpu') this.#host.set(this.#words.data());
  }

  /** Views of the first `rows` rows. */
  first(rows: number): Pick<StepState, 'token' | 'pos' | 'slot' | 'step' | 'seed' | 'params' | 'seen' | 'bias'> {
    const part = (x: Tensor): Tensor => slice(x, `:${rows}`);
    const { token, pos, slot, step, seed, params, seen, bias } = this;
    return {
      token: part(token),
      pos: part(pos),
      slot: part(slot),
      step: part(step),
      seed: part(seed),
      params: part(params),
      seen: part(seen),
      bias: part(bias),
    };
  }

  /**
   * Prepares a row: the prompt is in the cache up to (not including) `position`, where `token` runs next.
   *
   * @param seed two 32-bit words
   * @param bias pairs of token and value added to its logit; minus infinity forbids it
   */
  start(
    row: number,
    token: number,
    position: number,
    prompt: ArrayLike<number>,
    params: SamplerParams,
    seed: readonly [number, number],
    bias: Iterable<readonly [number, number]>,
  ): void {
    this.#checkRow(row);
    this.place(row, { token, position, step: 0, slot: this.#section(2)[row] });
    this.#section(4, 2).set(seed, 2 * row);
    write(
      this.params,
      Float64Array.from(order, (name) => params[name]),
      order.length * row,
    );
    const seen = new Int32Array(this.vocabSize);
    for (let i = 0; i < prompt.length; i++) seen[prompt[i]] = promptBit;
    write(this.seen, seen, row * this.vocabSize);
    this.setBias(row, bias);
  }

  /** Says what a row runs next; how it draws stays as it is. */
  place(row: number, { token, position, step, slot }: Placement): void {
    this.#checkRow(row);
    this.tokens[row] = token;
    this.positions[row] = position;
    this.#section(2)[row] = slot;
    this.#section(3)[row] = step;
    this.#changed = true;
  }

  /** Lets a row draw as another does: seed, settings, biases, and the tokens seen so far. */
  copyDraw(from: number, to: number): void {
    this.#checkRow(from);
    this.#checkRow(to);
    this.#section(4, 2).copyWithin(2 * to, 2 * from, 2 * from + 2);
    this.#changed = true;
    for (const x of [this.params, this.seen, this.bias]) {
      const width = x.shape[1];
      copyElements(x, from * width, x, to * width, width);
    }
  }

  /** Counts a token as drawn by a row, as a step does with the one that it draws. */
  count(row: number, token: number): void {
    this.#checkRow(row);
    const seen = slice(this.seen, row, token);
    const count = seen.item();
    if ((count & (promptBit - 1)) !== promptBit - 1) write(seen, Int32Array.of(count + 1));
    seen.dispose();
  }

  /** Replaces the values added to the logits of a row. */
  setBias(row: number, bias: Iterable<readonly [number, number]>): void {
    this.#checkRow(row);
    const values = new Float64Array(this.vocabSize);
    for (const [token, value] of bias) values[token] = value;
    write(this.bias, values, row * this.vocabSize);
  }

  /** Makes a row idle. */
  stop(row: number): void {
    this.#checkRow(row);
    this.positions[row] = -1;
    this.#changed = true;
  }

  dispose(): void {
    for (const x of [
      this.#words,
      this.token,
      this.pos,
      this.slot,
      this.step,
      this.seed,
      this.params,
      this.seen,
      this.bias,
    ])
      x.dispose();
  }

  // The host's side of some words of all rows.
  #section(first: number, width = 1): Int32Array {
    return this.#host.subarray(first * this.rows, (first + width) * this.rows);
  }

  #checkRow(row: number): void {
    if (!(Number.isInteger(row) && row >= 0 && row < this.rows)) {
      throw new OptionError(`expected a row from 0 to ${this.rows - 1}, received ${row}.`, { op: 'StepState' });
    }
  }
}
