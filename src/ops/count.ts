import { OptionError, ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';
import { checkShape, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import { rowIndex } from './expect';
import type { OpDef } from './schema';
import { touch } from './schema';

/** `bincount`: how often each whole number below `length` occurs; i32 to i32 `[length]`. */
export const bincountDef: OpDef<{ length: number }> = {
  name: 'bincount',
  infer([x], { length }) {
    expectDType('bincount', 'the input', x, 'i32');
    checkShape('bincount', [length]);
    return [{ shape: [length], dtype: 'i32' }];
  },
  reference([x], { length }, [y]) {
    for (const id of x.data) y.data[rowIndex('bincount', id, length)]++;
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  cases: () => [
    { name: 'some', inputs: [{ dtype: 'i32', shape: [2, 4], data: [0, 3, 3, 1, 0, 3, 5, 0] }], attrs: { length: 7 } },
    { name: 'nothing', inputs: [{ dtype: 'i32', shape: [0], data: [] }], attrs: { length: 3 } },
  ],
};

/**
 * How often each of 0, 1, …, `length - 1` occurs in an i32 tensor of any shape: i32 `[length]`.
 *
 * @throws ShapeError for a value outside `[0, length)`
 */
export function bincount(x: Tensor, length: number): Tensor {
  return callOne(bincountDef, [x], { length });
}

interface HistogramAttrs {
  readonly bins: number;
  readonly min: number;
  readonly max: number;
}

/** `histogram`: counts of f32 values in equal bins, i32 `[bins]`; the last bin has its upper bound, values outside and NaN count nowhere. */
export const histogramDef: OpDef<HistogramAttrs> = {
  name: 'histogram',
  infer([x], { bins, min, max }) {
    expectDType('histogram', 'the input', x, 'f32');
    if (!(Number.isInteger(bins) && bins > 0))
      throw new OptionError(`expected a number of bins above 0, received ${bins}.`, { op: 'histogram' });
    checkShape('histogram', [bins]);
    if (!(min < max) || !Number.isFinite(max - min)) {
      throw new OptionError(`expected finite bounds, the lower first, received ${min} and ${max}.`, {
        op: 'histogram',
      });
    }
    return [{ shape: [bins], dtype: 'i32' }];
  },
  encode: ({ bins, min, max }) => [bins, min, max],
  reference([x], { bins, min, max }, [y]) {
    for (const v of x.data)
      if (v >= min && v <= max) y.data[Math.min(bins - 1, Math.floor(((v - min) / (max - min)) * bins))]++;
  },
  cost: (inputs, outputs) => ({ ops: 4 * sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  cases: () => [
    {
      name: 'waves',
      inputs: [{ dtype: 'f32', shape: [500], data: Array.from({ length: 500 }, (_, i) => 2 * Math.sin(i)) }],
      attrs: { bins: 13, min: -1.5, max: 2 },
    },
    {
      name: 'edges',
      inputs: [{ dtype: 'f32', shape: [7], data: [0, 1, 0.5, NaN, Infinity, -Infinity, -1e-20] }],
      attrs: { bins: 2, min: 0, max: 1 },
    },
    { name: 'nothing', inputs: [{ dtype: 'f32', shape: [0], data: [] }], attrs: { bins: 1, min: 0, max: 1 } },
  ],
};

/** How values are counted. */
export interface HistogramOptions {
  /** Number of bins. Default 10. */
  bins?: number;
  /** Lower and upper bound. Default: those of the finite values. */
  range?: readonly [number, number];
}

/** Counts, and the bounds of the bins they belong to. */
export interface Histogram {
  /** i32 `[bins]` */
  readonly counts: Tensor;
  /** `bins + 1` bounds, ascending. */
  readonly edges: Float64Array;
}

/**
 * Counts of f32 values in `bins` equal bins (10 by default) from `range[0]` to `range[1]`. The last bin has its upper bound; values outside
 * and NaN count nowhere. Without a range, that of the finite values is taken, which reads the tensor.
 */
export function histogram(x: Tensor, options: HistogramOptions = {}): Histogram {
  checkOptions('histogram', options, ['bins', 'range']);
  const { bins = 10, range = finiteRange(x) } = options;
  if (range.length !== 2)
    throw new ShapeError(`expected a range of two numbers, received ${String(range)}.`, { op: 'histogram' });
  const [min, max] = range;
  const counts = callOne(histogramDef, [x], { bins, min, max });
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => (i === bins ? max : min + ((max - min) * i) / bins));
  return { counts, edges };
}

// As NumPy: [0, 1] for nothing, half a unit around a single value.
function finiteRange(x: Tensor): [number, number] {
  let min = Infinity;
  let max = -Infinity;
  for (const v of x.toFloat64Array()) {
    if (!Number.isFinite(v)) continue;
    min = Math.min(min, v);
    max = Math.max(max, v);
  }
  if (min > max) return [0, 1];
  return min < max ? [min, max] : [min - 0.5, max + 0.5];
}
