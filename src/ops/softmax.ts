import { ShapeError } from '../native/errors';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import type { OpCase, OpDef, RefArray } from './schema';
import { touch } from './schema';
import { transpose } from './views';

// Rows that try every way a softmax can go wrong, and lengths around the sixteen lanes.
const cases = (): OpCase<Record<string, never>>[] => [
  ...[1, 15, 16, 17, 33, 100].map((n) => ({
    name: `rows of ${n}`,
    inputs: [
      { dtype: 'f32' as const, shape: [3, n], data: Array.from({ length: 3 * n }, (_, i) => 9 * Math.sin(i * i)) },
    ],
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
        data: [
          1,
          -Infinity,
          2,
          -Infinity,
          -Infinity,
          -Infinity,
          3e38,
          3e38,
          -3e38,
          NaN,
          1,
          2,
          Infinity,
          0,
          0,
          0,
          -103,
          -105,
        ].map(Math.fround),
      },
    ],
    attrs: {},
  },
];

function rowsDef(name: string, kind: Pick<OpDef, 'reference' | 'tolerance'>): OpDef {
  return {
    name,
    infer([x]) {
      expectDType(name, 'the input', x, 'f32');
      if (x.shape.length < 1) throw new ShapeError('expected at least one dimension, received none.', { op: name });
      return [{ shape: x.shape, dtype: 'f32' }];
    },
    cost: (inputs, outputs) => ({ ops: 25 * sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
    cases,
    ...kind,
  };
}

// For each row: its values less their maximum, and the sum of their exponentials.
function eachRow(x: RefArray, see: (values: number[], sum: number, at: number) => void): void {
  const n = x.shape[x.shape.length - 1];
  for (let at = 0; at < x.data.length; at += n) {
    const row = Array.from(x.data.subarray(at, at + n));
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const values = row.map((v) => v - max);
    see(
      values,
      values.reduce((sum, v) => sum + Math.exp(v), 0),
      at,
    );
  }
}

/** `softmax` over the last dimension, f32: `e^(x - max) / sum`. A masked (-inf) element is exactly 0; a row of only -inf is NaN. */
export const softmaxDef: OpDef = rowsDef('softmax', {
  reference([x], _attrs, [y]) {
    eachRow(x, (values, sum, at) => values.forEach((v, i) => (y.data[at + i] = Math.exp(v) / sum)));
  },
  tolerance: {
    rel: 2 ** -18,
    why: 'relative to the largest probability: exp within 2 ulp (4 units of 2^-24), rounding of x - max (d e^-d <= 0.4 units), the quotient (1), and the sum of positive terms, n/16 + 4 roundings: 64 units in all up to rows of 800, and roundings of longer rows average out',
  },
});

/** `log_softmax` over the last dimension, f32: `x - max - log(sum)`. A row of only -inf is NaN. */
export const logSoftmaxDef: OpDef = rowsDef('log_softmax', {
  reference([x], _attrs, [y]) {
    eachRow(x, (values, sum, at) => values.forEach((v, i) => (y.data[at + i] = v - Math.log(sum))));
  },
  tolerance: {
    rel: 2 ** -24,
    abs: 2 ** -18,
    why: 'the logarithm turns the relative error of the sum (see softmax) into an absolute one; then one rounding to float32',
  },
});

/** Probabilities along a dimension (the last by default), f32. */
export function softmax(x: Tensor, dim = -1): Tensor {
  return alongLast(x, dim, (y) => callOne(softmaxDef, [y], {}));
}

/** Logarithms of the probabilities along a dimension (the last by default), f32. */
export function logSoftmax(x: Tensor, dim = -1): Tensor {
  return alongLast(x, dim, (y) => callOne(logSoftmaxDef, [y], {}));
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
