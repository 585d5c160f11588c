import { DTypeError, OptionError } from '../native/errors';
import { broadcastShapes, sizeOf } from '../tensor/shape';
import { dtypes } from '../tensor/dtype';
import { expectDType, Tensor } from '../tensor/tensor';
import { callOne } from './dispatch';
import { broadcastReader } from './reference';
import { floatEdges, intEdges, row, sample } from './case-data';
import type { Operable } from './scalars';
import { withTensors } from './scalars';
import type { OpDef } from './schema';
import { touch } from './schema';

/** `where`: elements of `x` where the condition holds, else of `y`; three-way broadcasting. */
export const whereDef: OpDef = {
  name: 'where',
  infer([c, x, y]) {
    expectDType('where', 'the condition', c, 'bool');
    if (x.dtype !== y.dtype)
      throw new DTypeError(`expected equal dtypes, received ${x.dtype} and ${y.dtype}. Convert one with cast().`, {
        op: 'where',
      });
    return [{ shape: broadcastShapes('where', broadcastShapes('where', c.shape, x.shape), y.shape), dtype: x.dtype }];
  },
  reference([c, x, y], _attrs, [out]) {
    const [ac, ax, ay] = [c, x, y].map((operand) => broadcastReader(operand.shape, out.shape));
    for (let i = 0; i < out.data.length; i++) out.data[i] = c.data[ac(i)] !== 0 ? x.data[ax(i)] : y.data[ay(i)];
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  strided: true,
  cases: () => [
    ...dtypes.map((dtype) => ({
      name: `${dtype}`,
      inputs: [sample('bool', [3, 701]), sample(dtype, [3, 701], 100), sample(dtype, [701], 50)],
      attrs: {},
    })),
    { name: 'three shapes', inputs: [sample('bool', [2, 1, 1]), sample('f32', [3, 1]), sample('f32', [4])], attrs: {} },
    { name: 'NaN not chosen', inputs: [row('bool', [1, 0]), row('f32', [1, NaN]), row('f32', [NaN, 2])], attrs: {} },
    { name: 'empty', inputs: [sample('bool', [0]), sample('f32', []), sample('f32', [1])], attrs: {} },
  ],
};

/** `clamp`: values below `lo` become `lo`, above `hi` become `hi`; NaN stays. */
export const clampDef: OpDef<{ lo: number; hi: number }> = {
  name: 'clamp',
  infer([x], { lo, hi }) {
    expectDType('clamp', 'the input', x, 'f32', 'i32');
    if (!(lo <= hi)) throw new OptionError(`expected lo <= hi, received ${lo} and ${hi}.`, { op: 'clamp' });
    const fraction = [lo, hi].find((v) => Number.isFinite(v) && !Number.isInteger(v));
    if (x.dtype === 'i32' && fraction !== undefined) {
      throw new DTypeError(
        `expected whole bounds for i32, received ${fraction}. Convert the tensor with cast('f32').`,
        { op: 'clamp' },
      );
    }
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  encode: ({ lo, hi }) => [lo, hi],
  reference([x], { lo, hi }, [y]) {
    for (let i = 0; i < y.data.length; i++) {
      const v = x.data[i] < lo ? lo : x.data[i] > hi ? hi : x.data[i];
      y.data[i] = x.dtype === 'i32' ? Math.min(Math.max(v, -2147483648), 2147483647) : v;
    }
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { rel: 2 ** -24, abs: 2 ** -150, why: 'the bounds are rounded to float32' },
  strided: true,
  cases: () => [
    { name: 'f32', inputs: [sample('f32', [3, 701])], attrs: { lo: -1, hi: 0.1 } },
    { name: 'f32 edges', inputs: [row('f32', floatEdges)], attrs: { lo: -Infinity, hi: 2 } },
    { name: 'i32 edges', inputs: [row('i32', intEdges)], attrs: { lo: -3, hi: Infinity } },
    { name: 'i32, bounds beyond its range', inputs: [row('i32', intEdges)], attrs: { lo: 2 ** 40, hi: 2 ** 41 } },
    { name: 'empty', inputs: [sample('f32', [0])], attrs: { lo: 0, hi: 1 } },
  ],
};

/**
 * Elements of `x` where `condition` (bool) holds, else of `y`, with broadcasting. One of `x` and `y` may be a number.
 */
export function where(condition: Tensor, x: Operable, y: Operable): Tensor {
  expectDType('where', 'the condition', condition, 'bool');
  if (x instanceof Tensor || y instanceof Tensor) {
    return withTensors('where', [x, y], ([a, b]) => callOne(whereDef, [condition, a, b], {}));
  }
  throw new OptionError('expected a tensor as one of the two values, received two numbers. Make one with tensor().', {
    op: 'where',
  });
}

/** Values below `lo` become `lo`, values above `hi` become `hi`; NaN stays. f32 or i32. Leave out a bound with -Infinity or Infinity. */
export function clamp(x: Tensor, lo: number, hi: number): Tensor {
  return callOne(clampDef, [x], { lo, hi });
}
