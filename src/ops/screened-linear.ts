import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { call } from './dispatch';
import { expectShape } from './expect';
import { linearDef } from './linear';
import type { SampleState } from './sample';
import { adjustedLogit } from './sample';
import type { OpDef, TensorSpec } from './schema';
import { touch } from './schema';
import { LogitBounds } from './screen';
import { screenedLinearCases } from './screened-linear-cases';

/** What of the sampler's state decides which logits it looks at. */
export type ScreenState = Pick<SampleState, 'pos' | 'params' | 'seen' | 'bias'>;

// How many of the best logits the sampler looks at: one when greedy, `topK`, or all; all, too, where no order can be relied on.
function wantedLogits(params: ArrayLike<number>, vocab: number): number {
  const [temperature, topK, , , , repetition, presence, frequency] = Array.from(params);
  const ordered = repetition > 0 && [repetition, presence, frequency].every(Number.isFinite);
  if (!ordered || !(temperature >= 0 && temperature < Infinity)) return vocab;
  if (temperature === 0) return 1;
  return topK >= 1 && topK < vocab ? Math.floor(topK) : vocab;
}

const kth = (values: readonly number[], k: number): number => [...values].sort((a, b) => b - a)[k - 1];

/**
 * `screened_linear`: those logits of `linear` that a sampler may draw, bit for bit, and minus infinity for the others.
 *
 * f32 `[T, K]`, the weight bf16 or f32 `[V, K]`, its codes and bounds from `quantize_rows`, and of the sampler's state positions i32
 * `[T]`, parameters f32 `[T, 8]`, seen counts i32 `[T, V]` and biases f32 `[T, V]`; to logits f32 `[T, V]` and counts i32 `[T]`.
 *
 * A row wants the k best of its adjusted logits (with bias and penalties, as `sample_` computes them) and all that equal the k-th:
 * k is 1 for temperature 0, `topK`, or V. The codes bound every logit, see {@link LogitBounds}; only rows of the weight whose upper
 * bound reaches the k-th largest lower bound are computed from the weight itself. The count says how many: V where the whole
 * product was computed, because k is V or more than V / 8 rows qualify or bounds are not finite. Adjusted logits of minus infinity
 * are never wanted; when one is NaN or plus infinity, or k is V, the row has all logits. Idle rows (a position below 0) have none.
 */
export const screenedLinearDef: OpDef = {
  name: 'screened_linear',
  infer([x, weight, codes, bounds, pos, params, seen, bias]) {
    const op = 'screened_linear';
    const [T, K] = x.shape;
    const [V] = weight.shape;
    const expected: [string, TensorSpec, 'f32' | 'i8' | 'i32', readonly number[]][] = [
      ['the input', x, 'f32', [-1, -1]],
      ['the codes', codes, 'i8', [V, K]],
      ['the bounds', bounds, 'f32', [V, 4]],
      ['positions', pos, 'i32', [T]],
      ['parameters', params, 'f32', [T, 8]],
      ['seen counts', seen, 'i32', [T, V]],
      ['biases', bias, 'f32', [T, V]],
    ];
    expectDType(op, 'the weight', weight, 'bf16', 'f32');
    expectShape(op, 'the weight', weight, [-1, K]);
    for (const [what, spec, dtype, shape] of expected) {
      expectDType(op, what, spec, dtype);
      expectShape(op, what, spec, shape);
    }
    return [
      { shape: [T, V], dtype: 'f32' },
      { shape: [T], dtype: 'i32' },
    ];
  },
  reference(inputs, _attrs, [logits, counts]) {
    const [x, weight, codes, bounds, pos, params, seen, bias] = inputs;
    const [T, K] = x.shape;
    const [V] = weight.shape;
    linearDef.reference([x, weight], {}, [logits]);
    for (let t = 0; t < T; t++) {
      const row = logits.data.subarray(t * V, (t + 1) * V);
      const settings = params.data.subarray(8 * t, 8 * t + 8);
      const adjust = (z: number, r: number): number =>
        adjustedLogit(z, bias.data[t * V + r], seen.data[t * V + r], settings);
      const k = wantedLogits(settings, V);
      counts.data[t] = pos.data[t] < 0 ? 0 : V;
      if (pos.data[t] < 0) row.fill(-Infinity);
      if (pos.data[t] < 0 || k >= V) continue;
      const adjusted = Array.from(row, adjust);
      if (!adjusted.every((z, r) => z < Infinity && row[r] < Infinity)) continue;
      const cut = kth(adjusted, k);
      adjusted.forEach((z, r) => {
        if (z < cut || z === -Infinity) row[r] = -Infinity;
      });
      if (k > V / 8) continue;
      const limits = new LogitBounds(x.data.subarray(t * K, (t + 1) * K));
      const pairs = Array.from({ length: V }, (_, r) =>
        limits.of(codes.data, bounds.data, r)?.map((z) => adjust(z, r)),
      );
      if (!pairs.every((p): p is number[] => p !== undefined && p[1] < Infinity)) continue;
      const reached = kth(
        pairs.map(([low]) => low),
        k,
      );
      const rescored = pairs.filter(([, high]) => high >= reached && high > -Infinity).length;
      if (rescored <= V / 8) counts.data[t] = rescored;
    }
  },
  cost: (inputs, outputs) => ({
    // What every call reads and computes; the rows that are computed again differ from call to call.
    ops: 4 * sizeOf(outputs[0].shape) * inputs[0].shape[1],
    bytes: touch([inputs[0], ...inputs.slice(2)], outputs),
  }),
  tolerance: linearDef.tolerance,
  cases: () => screenedLinearCases(),
};

/**
 * The logits that the sampler may draw; see {@link screenedLinearDef}.
 *
 * @param x f32 `[T, K]`
 * @param weight bf16 or f32 `[V, K]`
 * @param codes i8 `[V, K]` and `bounds` f32 `[V, 4]`, from `quantizeRows`
 * @returns logits f32 `[T, V]`, minus infinity where they are not wanted; and how many rows of the weight were used, i32 `[T]`
 */
export function screenedLinear(
  x: Tensor,
  weight: Tensor,
  codes: Tensor,
  bounds: Tensor,
  { pos, params, seen, bias }: ScreenState,
): [Tensor, Tensor] {
  const [logits, counts] = call(screenedLinearDef, [x, weight, codes, bounds, pos, params, seen, bias], {});
  return [logits, counts];
}
