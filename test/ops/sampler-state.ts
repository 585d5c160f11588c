import type { SamplerParams } from '../../src/model/step-state';
import { greedy } from '../../src/model/step-state';
import type { SampleState } from '../../src/ops/sample';
import { zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

/** Settings of a row; those left out are off. */
export type Settings = Partial<SamplerParams>;

/** One row per settings, with nothing seen, no bias and seed 0. */
export function samplerState(settings: readonly Settings[], vocab: number): SampleState {
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
  settings.forEach((x, t) => state.params.data().set(Object.values({ ...greedy, ...x }), 8 * t));
  return state;
}
