import { ShapeError } from '../native/errors';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import type { OpCase, OpDef } from './schema';
import { touch } from './schema';
import { transpose } from './views';

// Rows that try every way a softmax can go wrong, and lengths around the sixteen lanes.
const cases = (): OpCase<Record<string, never>>[] => [
  ...[1, 15, 16, 17, 33, 100].map((n) => ({
    name: `rows of ${n}`,
    inputs: [{ dtype: 'f32' as const, shape: [3, n], data: Array.from({ length: 3 * n }, (_, i) => 9 * Math.sin(i * i)) }],
    attrs: {},
  })),
  { name: 'no rows', inputs: [{ dtype: 'f32', shape: [0, 4], data: [] }], attrs: {} },
  { name: 'rows of nothing', inputs: [{ dtype: 'f32', shape: [2, 0], data: [] }], attrs: {} },
  {
    name: 'masked, overflowing and not finite',
    inputs: [
      {
        dtype: 'f32',
        shape: [6, 3],
        data: [1, -Infinity, 2, -Infinity, -Infinity, -Infinity, 3e38, 3e38, -3e38, NaN, 1, 2, Infinity, 0, 0, 0, -103, -105].map(Math.fround),
      },
    ],
    attrs: {},
  },
];

/** `softmax` over the last dimension, f32: `e^(x - max) / sum`. A masked (-inf) element is exactly 0; a row of only -inf is NaN. */
export const softmaxDef: OpDef = {
  name: 'softmax',
  infer([x]) {
    expectDType('softmax', 'the input', x, 'f32');
    if (x.shape.length < 1) throw new ShapeError('expected at least one dimension, received none.', { op: 'softmax' });
    return [{ shape: x.shape, dtype: 'f32' }];
  },
  reference([x], _attrs, [y]) {
    const n = x.shape[x.shape.length - 1];
    for (let row = 0; row < x.data.length; row += n) {
      const values = Array.from(x.data.subarray(row, row + n));
      const max = values.reduce((a, b) => Math.max(a, b), -Infinity);
      const e = values.map((v) => Math.exp(v - max));
      const sum = e.reduce((a, b) => a + b, 0);
      e.forEach((v, i) => (y.data[row + i] = v / sum));
    }
  },
  cost: (inputs, outputs) => ({ ops: 25 * sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: {
    rel: 2 ** -18,
    why: 'relative to the largest probability: exp within 2 ulp (4 units of 2^-24), rounding of x - max (d e^-d <= 0.4 units), the quotient (1), and the sum of positive terms, n/16 + 4 roundings: 64 units in all up to rows of 800, and roundings of longer rows average out',
  },
  cases,
};

/** Probabilities along a dimension (the last by default), f32. */
export function softmax(x: Tensor, dim = -1): Tensor {
  return alongLast(x, dim, (y) => callOne(softmaxDef, [y], {}));
}

/** Applies `body`, which works on the last dimension, to dimension `dim`. */
export function alongLast(x: Tensor, dim: number, body: (x: Tensor) => Tensor): Tensor {
  if (dim === -1 || dim === x.ndim - 1) return body(x);
  const turned = transpose(x, dim, -1);
  const y = body(turned);
  const back = transpose(y, dim, -1);
  turned.dispose();
  y.dispose();
  return back;
}
