import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { broadcastShapes, sizeOf } from '../tensor/shape';
import { DTypeError } from '../native/errors';
import { callOne } from './dispatch';
import { broadcastReader } from './reference';
import type { OpDef } from './schema';
import { touch } from './schema';

/** `add`: `x + y` with broadcasting. f32, or i32 (wraps around like int32). */
export const addDef: OpDef = {
  name: 'add',
  infer([x, y]) {
    expectDType('add', 'input 0', x, 'f32', 'i32');
    if (y.dtype !== x.dtype) throw new DTypeError(`expected equal dtypes, received ${x.dtype} and ${y.dtype}. Convert one with cast().`, { op: 'add' });
    return [{ shape: broadcastShapes('add', x.shape, y.shape), dtype: x.dtype }];
  },
  reference([x, y], _attrs, [out]) {
    const ax = broadcastReader(x.shape, out.shape);
    const ay = broadcastReader(y.shape, out.shape);
    for (let i = 0; i < out.data.length; i++) out.data[i] = x.data[ax(i)] + y.data[ay(i)];
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { rel: 2 ** -24, why: 'one float32 rounding, half an ulp of the result' },
  strided: true,
  cases: () => [{ name: 'row and column', inputs: [{ dtype: 'f32', shape: [2, 1], data: [1, 2] }, { dtype: 'f32', shape: [3], data: [0.5, -1, 3] }], attrs: {} }],
};

/** `x + y`, elementwise with broadcasting. */
export function add(x: Tensor, y: Tensor): Tensor {
  return callOne(addDef, [x, y], {});
}
