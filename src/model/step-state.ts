import { OptionError } from '../native/errors';
import { slice } from '../ops/slice';
import { zeros } from '../tensor/create';
import type { DeviceName, TypedArray } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';

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

/**
 * Everything that changes from token to token, one entry per row of a decode step. Programs read and write it; the host
 * writes it between steps. A row at position -1 is idle. Any row may run any slot of the cache, several rows consecutive
 * tokens of one.
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

  constructor(
    readonly rows: number,
    readonly vocabSize: number,
    device: DeviceName,
  ) {
    const ints = (...shape: number[]): Tensor => zeros(shape, { dtype: 'i32', device });
    this.token = ints(rows);
    this.pos = ints(rows);
    this.slot = ints(rows);
    this.step = ints(rows);
    this.seed = ints(rows, 2);
    this.params = zeros([rows, order.length], { device });
    this.seen = ints(rows, vocabSize);
    this.bias = zeros([rows, vocabSize], { device });
    this.slot.data().forEach((_, i, data) => (data[i] = i));
    this.pos.data().fill(-1);
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
    this.place(row, { token, position, step: 0, slot: this.slot.data()[row] });
    this.seed.data().set(seed, 2 * row);
    this.params.data().set(
      order.map((name) => params[name]),
      order.length * row,
    );
    const seen = this.#vocabRow(this.seen, row);
    seen.fill(0);
    for (let i = 0; i < prompt.length; i++) seen[prompt[i]] = promptBit;
    this.setBias(row, bias);
  }

  /** Says what a row runs next; how it draws stays as it is. */
  place(row: number, { token, position, step, slot }: Placement): void {
    this.#checkRow(row);
    this.token.data()[row] = token;
    this.pos.data()[row] = position;
    this.step.data()[row] = step;
    this.slot.data()[row] = slot;
  }

  /** Lets a row draw as another does: seed, settings, biases, and the tokens seen so far. */
  copyDraw(from: number, to: number): void {
    this.#checkRow(from);
    this.#checkRow(to);
    for (const x of [this.seed, this.params, this.seen, this.bias]) {
      const width = x.shape[1];
      x.data().copyWithin(to * width, from * width, (from + 1) * width);
    }
  }

  /** Counts a token as drawn by a row, as a step does with the one that it draws. */
  count(row: number, token: number): void {
    this.#checkRow(row);
    const seen = this.#vocabRow(this.seen, row);
    if ((seen[token] & (promptBit - 1)) !== promptBit - 1) seen[token] += 1;
  }

  /** Replaces the values added to the logits of a row. */
  setBias(row: number, bias: Iterable<readonly [number, number]>): void {
    this.#checkRow(row);
    const values = this.#vocabRow(this.bias, row);
    values.fill(0);
    for (const [token, value] of bias) values[token] = value;
  }

  /** Makes a row idle. */
  stop(row: number): void {
    this.#checkRow(row);
    this.pos.data()[row] = -1;
  }

  dispose(): void {
    for (const x of [this.token, this.pos, this.slot, this.step, this.seed, this.params, this.seen, this.bias])
      x.dispose();
  }

  #vocabRow(x: Tensor, row: number): TypedArray {
    return x.data().subarray(row * this.vocabSize, (row + 1) * this.vocabSize);
  }

  #checkRow(row: number): void {
    if (!(Number.isInteger(row) && row >= 0 && row < this.rows)) {
      throw new OptionError(`expected a row from 0 to ${this.rows - 1}, received ${row}.`, { op: 'StepState' });
    }
  }
}
