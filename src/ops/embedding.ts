import { ShapeError } from '../native/errors';
import { bf16ToNumber } from '../tensor/dtype';
import { shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import { rowIndex } from './expect';
import type { OpDef } from './schema';

/** `embedding`: rows of a table. bf16 or f32 `[V, D]`, i32 `[T]` to f32 `[T, D]`; an id outside the table is a ShapeError. */
export const embeddingDef: OpDef = {
  name: 'embedding',
  infer([table, ids]) {
    expectDType('embedding', 'the table', table, 'bf16', 'f32');
    expectDType('embedding', 'ids', ids, 'i32');
    if (table.shape.length !== 2 || ids.shape.length !== 1) {
      throw new ShapeError(
        `expected a table [V, D] and ids [T], received ${shapeText(table.shape)} and ${shapeText(ids.shape)}.`,
        { op: 'embedding' },
      );
    }
    return [{ shape: [ids.shape[0], table.shape[1]], dtype: 'f32' }];
  },
  reference([table, ids], _attrs, [y]) {
    const [v, d] = table.shape;
    const value = table.dtype === 'bf16' ? bf16ToNumber : (x: number): number => x;
    ids.data.forEach((id, t) => {
      rowIndex('embedding', id, v);
      for (let i = 0; i < d; i++) y.data[t * d + i] = value(table.data[id * d + i]);
    });
  },
  cost: ([table], [y]) => ({
    ops: 0,
    bytes: sizeOf(y.shape) * ((table.dtype === 'bf16' ? 2 : 4) + 4) + 4 * y.shape[0],
  }),
  tolerance: { exact: true },
  cases: () => [
    ...[1, 16, 37].map((d) => ({
      name: `bf16, ${d} wide`,
      inputs: [
        { dtype: 'bf16' as const, shape: [5, d], data: Array.from({ length: 5 * d }, (_, i) => Math.sin(i)) },
        { dtype: 'i32' as const, shape: [4], data: [4, 0, 3, 3] },
      ],
      attrs: {},
    })),
    {
      name: 'f32',
      inputs: [
        { dtype: 'f32', shape: [3, 2], data: [1, 2, 3, NaN, -Infinity, 6] },
        { dtype: 'i32', shape: [3], data: [2, 1, 0] },
      ],
      attrs: {},
    },
    {
      name: 'no ids',
      inputs: [
        { dtype: 'f32', shape: [3, 2], data: [1, 2, 3, 4, 5, 6] },
        { dtype: 'i32', shape: [0], data: [] },
      ],
      attrs: {},
    },
  ],
};

/** Rows `ids` (i32 `[T]`) of `table` (bf16 or f32 `[V, D]`), as f32 `[T, D]`. */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  return callOne(embeddingDef, [table, ids], {});
}
