import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { noise } from './case-data';
import { call } from './dispatch';
import { expectShape } from './expect';
import type { OpCase, OpDef } from './schema';
import { touch } from './schema';

const rows = (name: string, shape: readonly number[], data: ArrayLike<number>): OpCase<Record<string, never>> => ({
  name,
  inputs: [{ dtype: 'f32', shape, data }],
  attrs: {},
});

/**
 * `quantize_act`: absmax quantisation of each row to int8 (BitNet b1.58, arXiv 2402.17764 §2). f32 `[T, K]` to i8 `[T, K]` and
 * f32 `[T, 1]`: `scale = 127 / max(max|x|, 1e-5)`, `q = clamp(roundHalfEven(x * scale), -128, 127)`. A row with a NaN or an
 * infinity gives codes 0 and scale NaN, so that its results are NaN.
 */
export const quantizeActDef: OpDef = {
  name: 'quantize_act',
  infer([x]) {
    expectDType('quantize_act', 'the input', x, 'f32');
    expectShape('quantize_act', 'the input', x, [-1, -1]);
    return [
      { shape: x.shape, dtype: 'i8' },
      { shape: [x.shape[0], 1], dtype: 'f32' },
    ];
  },
  reference([x], _attrs, [q, scale]) {
    const [T, K] = x.shape;
    for (let t = 0; t < T; t++) {
      const row = x.data.subarray(t * K, (t + 1) * K);
      let top = 1e-5;
      for (const v of row) top = Number.isFinite(v) ? Math.max(top, Math.abs(v)) : NaN;
      const s = 127 / top;
      scale.data[t] = s;
      if (Number.isNaN(s)) continue;
      for (let k = 0; k < K; k++) q.data[t * K + k] = Math.min(127, Math.max(-128, roundHalfEven(row[k] * s)));
    }
  },
  cost: (inputs, outputs) => ({ ops: 3 * sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: {
    rel: 2 ** -23,
    why: 'the scale is rounded once to float32; 1e-5 as float32 moves it by at most another half ulp',
  },
  cases: () => [
    rows('ties to even', [1, 7], [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5]),
    rows('zeros and tiny values', [2, 3], [0, 0, 0, 1e-7, -2e-6, 1e-30]),
    ...[1, 8, 33, 2560].map((k) => rows(`${k} wide`, [3, k], noise(3 * k, k))),
    rows('NaN and infinity', [4, 2], [1, NaN, Infinity, -1, -Infinity, 2, NaN, Infinity]),
    rows('NaN before and after', [2, 9], [NaN, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, NaN]),
    rows('largest float32', [1, 2], [3.4028234663852886e38, -3.4028234663852886e38]),
    rows('no rows', [0, 5], []),
    rows('no columns', [2, 0], []),
  ],
};

export function roundHalfEven(v: number): number {
  const r = Math.round(v);
  return Math.abs(v % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

/** int8 codes `[T, K]` and scales f32 `[T, 1]` of the rows of `x`, f32 `[T, K]`; see {@link quantizeActDef}. */
export function quantizeAct(x: Tensor): [Tensor, Tensor] {
  const [q, scale] = call(quantizeActDef, [x], {});
  return [q, scale];
}
