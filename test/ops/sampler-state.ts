import { zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

/** Greedy, with every setting of the sampler off. */
export const settingsOff = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetition: 1,
  presence: 0,
  frequency: 0,
};

/** Settings of a row; those left out are off. */
export type Settings = Partial<typeof settingsOff>;

/** Added to a count of tokens seen: it was in the prompt. */
export const inPrompt = 1 << 30;

/** What `sample_` reads and writes beside the logits. */
export interface SamplerState {
  readonly token: Tensor;
  readonly pos: Tensor;
  readonly step: Tensor;
  readonly seed: Tensor;
  readonly params: Tensor;
  readonly seen: Tensor;
  readonly bias: Tensor;
}

/** One row per settings, with nothing seen, no bias and seed 0. */
export function samplerState(settings: readonly Settings[], vocab: number): SamplerState {
  const rows = settings.length;
  const ints = (...shape: number[]): Tensor => zeros(shape, { dtype: 'i32' });
  const state = {
    token: ints(rows),
    pos: ints(rows),
    step: ints(rows),
    seed: ints(rows, 2),
    params: zeros([rows, 8]),
    seen: ints(rows, vocab),
    bias: zeros([rows, vocab]),
  };
  settings.forEach((x, t) => state.params.data().set(Object.values({ ...settingsOff, ...x }), 8 * t));
  return state;
}
