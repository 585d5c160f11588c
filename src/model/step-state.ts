import { OptionError } from '../native/errors';
import { zeros } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
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

/**
 * Everything that changes from token to token, one entry per slot. Programs read and write it; the host writes it between
 * steps. A slot at position -1 is idle.
 */
export class StepState {
  /** i32 `[B]`: token to run next; after a step the one just drawn, or -1 when the logits were not numbers. */
  readonly token: Tensor;
  /** i32 `[B]`: its position. */
  readonly pos: Tensor;
  /** i32 `[B]`: 0, 1, … */
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
    readonly slots: number,
    readonly vocabSize: number,
    device: DeviceName,
  ) {
    const ints = (...shape: number[]): Tensor => zeros(shape, { dtype: 'i32', device });
    this.token = ints(slots);
    this.pos = ints(slots);
    this.slot = ints(slots);
    this.step = ints(slots);
    this.seed = ints(slots, 2);
    this.params = zeros([slots, order.length], { device });
    this.seen = ints(slots, vocabSize);
    this.bias = zeros([slots, vocabSize], { device });
    this.slot.data().forEach((_, i, data) => (data[i] = i));
    this.pos.data().fill(-1);
  }

  /**
   * Prepares a slot: its prompt is in the cache up to (not including) `position`, where `token` runs next.
   *
   * @param seed two 32-bit words
   * @param bias pairs of token and value added to its logit; minus infinity forbids it
   */
  start(
    slot: number,
    token: number,
    position: number,
    prompt: ArrayLike<number>,
    params: SamplerParams,
    seed: readonly [number, number],
    bias: Iterable<readonly [number, number]>,
  ): void {
    this.#checkSlot(slot);
    this.token.data()[slot] = token;
    this.pos.data()[slot] = position;
    this.step.data()[slot] = 0;
    this.seed.data().set(seed, 2 * slot);
    this.params.data().set(
      order.map((name) => params[name]),
      order.length * slot,
    );
    const seen = this.seen.data().subarray(slot * this.vocabSize, (slot + 1) * this.vocabSize);
    seen.fill(0);
    for (let i = 0; i < prompt.length; i++) seen[prompt[i]] = promptBit;
    this.setBias(slot, bias);
  }

  /** Replaces the values added to the logits of a slot. */
  setBias(slot: number, bias: Iterable<readonly [number, number]>): void {
    this.#checkSlot(slot);
    const row = this.bias.data().subarray(slot * this.vocabSize, (slot + 1) * this.vocabSize);
    row.fill(0);
    for (const [token, value] of bias) row[token] = value;
  }

  /** Makes a slot idle. */
  stop(slot: number): void {
    this.#checkSlot(slot);
    this.pos.data()[slot] = -1;
  }

  dispose(): void {
    for (const x of [this.token, this.pos, this.slot, this.step, this.seed, this.params, this.seen, this.bias])
      x.dispose();
  }

  #checkSlot(slot: number): void {
    if (!(Number.isInteger(slot) && slot >= 0 && slot < this.slots)) {
      throw new OptionError(`expected a slot from 0 to ${this.slots - 1}, received ${slot}.`, { op: 'StepState' });
    }
  }
}
