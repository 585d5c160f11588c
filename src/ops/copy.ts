import { broadcastShapes, sameShape, shapeText } from '../tensor/shape';
import { ShapeError } from '../native/errors';
import type { Tensor } from '../tensor/tensor';
import { callOne } from './dispatch';
import { broadcastReader } from './reference';
import type { OpDef } from './schema';
import { touch } from './schema';

/** `copy`: the input, broadcast to a shape, as a new contiguous tensor of the same dtype. */
export const copyDef: OpDef<{ shape: readonly number[] }> = {
  name: 'copy',
  infer([x], { shape }) {
    if (!sameShape(broadcastShapes('copy', x.shape, shape), shape)) {
      throw new ShapeError(`expected a shape that broadcasts to ${shapeText(shape)}, received ${shapeText(x.shape)}.`, {
        op: 'copy',
      });
    }
    return [{ shape, dtype: x.dtype }];
  },
  reference([x], _attrs, [y]) {
    const at = broadcastReader(x.shape, y.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[at(i)];
  },
  cost: (inputs, outputs) => ({ ops: 0, bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  strided: true,
  cases: () => [
    {
      name: 'same shape',
      inputs: [{ dtype: 'f32', shape: [3, 5], data: Array.from({ length: 15 }, (_, i) => i - 7) }],
      attrs: { shape: [3, 5] },
    },
    { name: 'broadcast', inputs: [{ dtype: 'i8', shape: [3, 1], data: [-128, 0, 127] }], attrs: { shape: [2, 3, 4] } },
    { name: 'bf16 bits', inputs: [{ dtype: 'bf16', shape: [4], data: [0, 1, -2.5, 1e30] }], attrs: { shape: [4] } },
    { name: 'empty', inputs: [{ dtype: 'f32', shape: [0, 4], data: [] }], attrs: { shape: [0, 4] } },
  ],
};

/** A new contiguous tensor with the same values. */
export function copy(x: Tensor): Tensor {
  return callOne(copyDef, [x], { shape: x.shape });
}
