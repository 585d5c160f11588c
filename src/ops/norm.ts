import { OptionError, ShapeError } from '../native/errors';
import { shapeText } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { noise } from './case-data';
import { callOne } from './dispatch';
import { expectShape } from './expect';
import type { OpCase, OpDef, RefArray, TensorSpec } from './schema';
import { touch } from './schema';

/** Attributes of the root-mean-square norm. */
export interface RmsAttrs {
  /** Added to the mean of squares; at least 0. */
  readonly eps: number;
}

/** Attributes of `rms_norm`. */
export interface RmsNormAttrs extends RmsAttrs {
  /** What the sum of squares is divided by: the width of the row, zeros that were left out of it included. */
  readonly width: number;
}

function check(op: string, x: TensorSpec, { eps }: RmsAttrs): void {
  expectDType(op, 'x', x, 'f32');
  expectShape(op, 'x', x, [-1, -1]);
  if (x.shape[1] === 0)
    throw new ShapeError(`expected rows of at least one element, received ${shapeText(x.shape)}.`, { op });
  if (!(typeof eps === 'number' && eps >= 0))
    throw new OptionError(`expected eps >= 0, received ${String(eps)}.`, { op });
}

function roots({ data, shape: [rows, n] }: RefArray, eps: number, width = n): number[] {
  return Array.from({ length: rows }, (_, t) => Math.sqrt(sumOfSquares(data, t * n, n) / width + eps));
}

// NumPy's pairwise order, in which the float64 definition sums: values that a quantiser finds halfway between two codes
// then fall the same way in both.
function sumOfSquares(x: RefArray['data'], at: number, n: number): number {
  if (n > 128) {
    const half = Math.floor(n / 2);
    const left = half - (half % 8);
    return sumOfSquares(x, at, left) + sumOfSquares(x, at + left, n - left);
  }
  let sum = 0;
  let i = 0;
  if (n >= 8) {
    const r = Array.from({ length: 8 }, (_, k) => x[at + k] * x[at + k]);
    for (i = 8; i + 8 <= n; i += 8) r.forEach((_, k) => (r[k] += x[at + i + k] * x[at + i + k]));
    sum = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
  }
  for (; i < n; i++) sum += x[at + i] * x[at + i];
  return sum;
}

type Input = OpCase<RmsAttrs>['inputs'][number];

function rows(): readonly (readonly [string, Input, RmsAttrs])[] {
  const x = (shape: readonly [number, number], data?: readonly number[]): Input => ({
    dtype: 'f32',
    shape,
    data: data ?? noise(shape[0] * shape[1], shape[1]),
  });
  return [
    ['no rows', x([0, 3]), { eps: 1e-5 }],
    ['one element', x([2, 1]), { eps: 1e-5 }],
    ['a whole block', x([3, 32]), { eps: 1e-5 }],
    ['odd width', x([5, 37]), { eps: 1e-6 }],
    ['zeros', x([1, 4], [0, 0, -0, 0]), { eps: 1e-5 }],
    ['huge and tiny', x([2, 3], [3e38, -3e38, 1, 1e-40, -1e-45, 0]), { eps: 0 }],
    ['one bad row', x([3, 2], [1, 2, NaN, 1, Infinity, 1]), { eps: 1e-5 }],
  ];
}

/** `rms_scale`: the root of each row, `sqrt(mean(x²) + eps)`. The mean is taken in double, the root rounded once. */
export const rmsScaleDef: OpDef<RmsAttrs> = {
  name: 'rms_scale',
  infer([x], attrs) {
    check('rms_scale', x, attrs);
    return [{ shape: [x.shape[0], 1], dtype: 'f32' }];
  },
  encode: ({ eps }) => [eps],
  reference([x], { eps }, [y]) {
    roots(x, eps).forEach((s, t) => (y.data[t] = s));
  },
  cost: ([x], outputs) => ({ ops: 2 * x.shape[0] * x.shape[1], bytes: touch([x], outputs) }),
  tolerance: { rel: 1.01 * 2 ** -24, why: 'one float32 rounding; errors of the double sum are 2^-29 smaller' },
  cases: () => rows().map(([name, x, attrs]) => ({ name, inputs: [x], attrs })),
};

/**
 * `rms_norm`: `x / sqrt(mean(x²) + eps) * weight` for each row (Zhang and Sennrich 2019). The same bits as `rms_scale`,
 * a division and a multiplication. A row may be a part of a wider one whose other elements are 0: the mean is then that of all
 * `width` elements, with the bits of the wide row where each element has the place modulo 16, and the order there, that it had.
 */
export const rmsNormDef: OpDef<RmsNormAttrs> = {
  name: 'rms_norm',
  infer([x, weight], attrs) {
    check('rms_norm', x, attrs);
    expectDType('rms_norm', 'the weight', weight, 'f32');
    expectShape('rms_norm', 'the weight', weight, [x.shape[1]]);
    const { width } = attrs;
    if (!(Number.isSafeInteger(width) && width >= x.shape[1]))
      throw new OptionError(`expected a width of at least ${x.shape[1]}, received ${width}.`, { op: 'rms_norm' });
    return [{ shape: x.shape, dtype: 'f32' }];
  },
  encode: ({ eps, width }) => [eps, width],
  reference([x, weight], { eps, width }, [y]) {
    const n = x.shape[1];
    roots(x, eps, width).forEach((s, t) => {
      for (let i = t * n; i < (t + 1) * n; i++) y.data[i] = (x.data[i] / s) * weight.data[i - t * n];
    });
  },
  cost: (inputs, outputs) => ({ ops: 4 * inputs[0].shape[0] * inputs[0].shape[1], bytes: touch(inputs, outputs) }),
  tolerance: { rel: 3.01 * 2 ** -24, why: 'three float32 roundings: root, quotient, product' },
  cases: () =>
    rows()
      // The largest of the tiny values would set a limit below the spacing of subnormal numbers.
      .filter(([name]) => name !== 'huge and tiny')
      .flatMap(([name, x, attrs]) => [
        { name, x, attrs: { ...attrs, width: x.shape[1] } },
        { name: `${name}, part of a wider row`, x, attrs: { ...attrs, width: 2 * x.shape[1] + 5 } },
      ])
      .map(({ name, x, attrs }) => ({
        name,
        inputs: [x, { dtype: 'f32', shape: [x.shape[1]], data: noise(x.shape[1], 9) }],
        attrs,
      })),
};

/**
 * Root mean square of each row.
 *
 * @param x f32 `[T, D]`
 * @param eps added to the mean of squares
 * @returns f32 `[T, 1]`
 */
export function rmsScale(x: Tensor, eps: number): Tensor {
  return callOne(rmsScaleDef, [x], { eps });
}

/**
 * Root-mean-square norm of each row.
 *
 * @param x f32 `[T, D]`
 * @param weight f32 `[D]`
 * @param eps added to the mean of squares
 * @param width elements that the mean is over, when `x` is a part of wider rows whose other elements are 0; default D
 * @returns f32 `[T, D]`
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps: number, width: number = x.shape[1]): Tensor {
  return callOne(rmsNormDef, [x, weight], { eps, width });
}
