import { OptionError, ShapeError } from '../native/errors';
import { checkShape, normalizeDim, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import { rowIndex } from './expect';
import type { OpDef } from './schema';
import { touch } from './schema';

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i - 3);

/** `gather`: the entries that i32 indices name along a dimension, whose place the dimensions of the indices take. */
export const gatherDef: OpDef<{ dim: number }> = {
  name: 'gather',
  infer([x, ids], { dim }) {
    expectDType('gather', 'indices', ids, 'i32');
    const shape = [...x.shape.slice(0, dim), ...ids.shape, ...x.shape.slice(dim + 1)];
    checkShape('gather', shape);
    return [{ shape, dtype: x.dtype }];
  },
  encode: ({ dim }) => [dim],
  reference([x, ids], { dim }, [y]) {
    const n = x.shape[dim];
    const inner = sizeOf(x.shape.slice(dim + 1));
    let at = 0;
    for (let outer = 0; outer < sizeOf(x.shape.slice(0, dim)); outer++) {
      for (const id of ids.data) {
        rowIndex('gather', id, n);
        for (let i = 0; i < inner; i++) y.data[at++] = x.data[(outer * n + id) * inner + i];
      }
    }
  },
  cost: ([, ids], [y]) => ({ ops: 0, bytes: 2 * touch([y]) + touch([ids]) }),
  tolerance: { exact: true },
  cases: () => [
    {
      name: 'rows',
      inputs: [
        { dtype: 'f32', shape: [4, 3], data: count(12) },
        { dtype: 'i32', shape: [3], data: [3, 0, 3] },
      ],
      attrs: { dim: 0 },
    },
    {
      name: 'columns, indices of two dimensions',
      inputs: [
        { dtype: 'i8', shape: [2, 4, 2], data: count(16) },
        { dtype: 'i32', shape: [2, 2], data: [1, 1, 0, 3] },
      ],
      attrs: { dim: 1 },
    },
    {
      name: 'one index without dimensions',
      inputs: [
        { dtype: 'bf16', shape: [2, 4], data: count(8) },
        { dtype: 'i32', shape: [], data: [2] },
      ],
      attrs: { dim: 1 },
    },
    {
      name: 'none',
      inputs: [
        { dtype: 'f32', shape: [2, 0], data: [] },
        { dtype: 'i32', shape: [0], data: [] },
      ],
      attrs: { dim: 1 },
    },
  ],
};

/**
 * Entries `indices` (i32, any shape) along a dimension, as NumPy's `take`: shape `x.shape[:dim] + indices.shape + x.shape[dim+1:]`.
 *
 * @throws ShapeError for an index outside `[0, x.shape[dim])`
 */
export function gather(x: Tensor, indices: Tensor, dim = 0): Tensor {
  return callOne(gatherDef, [x, indices], { dim: axis('gather', x, dim) });
}

function axis(op: string, x: Tensor, dim: number): number {
  if (x.ndim === 0) throw new ShapeError('expected at least one dimension, received none.', { op });
  return normalizeDim(op, dim, x.ndim);
}

/** `take_along_dim`: for each place of the indices, the entry of `x` at that place but for `dim`, which the index gives. */
export const takeAlongDimDef: OpDef<{ dim: number }> = {
  name: 'take_along_dim',
  infer([x, ids], { dim }) {
    expectDType('take_along_dim', 'indices', ids, 'i32');
    if (ids.shape.length !== x.shape.length || !x.shape.every((d, i) => i === dim || d === ids.shape[i])) {
      throw new ShapeError(
        `expected indices of shape ${shapeText(x.shape)} but for dimension ${dim}, received ${shapeText(ids.shape)}.`,
        { op: 'take_along_dim' },
      );
    }
    return [{ shape: ids.shape, dtype: x.dtype }];
  },
  encode: ({ dim }) => [dim],
  reference([x, ids], { dim }, [y]) {
    const n = x.shape[dim];
    const m = ids.shape[dim];
    const inner = sizeOf(x.shape.slice(dim + 1));
    ids.data.forEach((id, i) => {
      rowIndex('take_along_dim', id, n);
      y.data[i] = x.data[(Math.floor(i / (m * inner)) * n + id) * inner + (i % inner)];
    });
  },
  cost: ([, ids], [y]) => ({ ops: 0, bytes: 2 * touch([y]) + touch([ids]) }),
  tolerance: { exact: true },
  cases: () => [
    {
      name: 'last dimension',
      inputs: [
        { dtype: 'f32', shape: [2, 3], data: count(6) },
        { dtype: 'i32', shape: [2, 2], data: [2, 0, 1, 1] },
      ],
      attrs: { dim: 1 },
    },
    {
      name: 'middle dimension',
      inputs: [
        { dtype: 'u8', shape: [2, 3, 2], data: count(12).map((v) => v + 3) },
        { dtype: 'i32', shape: [2, 1, 2], data: [2, 0, 1, 1] },
      ],
      attrs: { dim: 1 },
    },
    {
      name: 'bf16',
      inputs: [
        { dtype: 'bf16', shape: [3], data: count(3) },
        { dtype: 'i32', shape: [4], data: [2, 0, 1, 1] },
      ],
      attrs: { dim: 0 },
    },
    {
      name: 'none',
      inputs: [
        { dtype: 'f32', shape: [2, 3], data: count(6) },
        { dtype: 'i32', shape: [2, 0], data: [] },
      ],
      attrs: { dim: 1 },
    },
  ],
};

/**
 * Elements picked one by one along a dimension, as NumPy's `take_along_axis`: `indices` (i32) has the shape of `x` but for
 * `dim` (the last by default), and so has the result. Undoes `argsort`.
 *
 * @throws ShapeError for an index outside `[0, x.shape[dim])`
 */
export function takeAlongDim(x: Tensor, indices: Tensor, dim = -1): Tensor {
  return callOne(takeAlongDimDef, [x, indices], { dim: axis('take_along_dim', x, dim) });
}

/** `one_hot`: i32 of any shape to f32 `[…, classes]`, 1 at the index and 0 elsewhere. */
export const oneHotDef: OpDef<{ classes: number }> = {
  name: 'one_hot',
  infer([ids], { classes }) {
    expectDType('one_hot', 'indices', ids, 'i32');
    if (!(Number.isInteger(classes) && classes >= 0)) {
      throw new OptionError(`expected a number of classes >= 0, received ${classes}.`, { op: 'one_hot' });
    }
    checkShape('one_hot', [...ids.shape, classes]);
    return [{ shape: [...ids.shape, classes], dtype: 'f32' }];
  },
  encode: ({ classes }) => [classes],
  reference([ids], { classes }, [y]) {
    ids.data.forEach((id, i) => {
      y.data[i * classes + rowIndex('one_hot', id, classes)] = 1;
    });
  },
  cost: (inputs, outputs) => ({ ops: 0, bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  cases: () => [
    {
      name: 'two dimensions',
      inputs: [{ dtype: 'i32', shape: [2, 3], data: [0, 1, 2, 4, 4, 3] }],
      attrs: { classes: 5 },
    },
    { name: 'one number', inputs: [{ dtype: 'i32', shape: [], data: [1] }], attrs: { classes: 2 } },
    { name: 'none', inputs: [{ dtype: 'i32', shape: [0], data: [] }], attrs: { classes: 4 } },
  ],
};

/** f32 `[…, classes]` with 1 at each index (i32 of any shape) and 0 elsewhere. An index outside is a ShapeError. */
export function oneHot(indices: Tensor, classes: number): Tensor {
  return callOne(oneHotDef, [indices], { classes });
}
