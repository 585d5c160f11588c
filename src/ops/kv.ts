import { ShapeError } from '../native/errors';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { shapeText, sizeOf } from '../tensor/shape';
import { noise } from './case-data';
import { call } from './dispatch';
import { expectShape, rowIndex } from './expect';
import type { OpDef, RefArray, TensorSpec } from './schema';
import { touch } from './schema';

/** Checks the slots and positions of `rows` rows. */
export function expectRows(op: string, slot: TensorSpec, pos: TensorSpec, rows: number): void {
  expectDType(op, 'slots', slot, 'i32');
  expectShape(op, 'slots', slot, [rows]);
  expectDType(op, 'positions', pos, 'i32');
  expectShape(op, 'positions', pos, [rows]);
}

/** Checks a cache `[slots, kv heads, positions, E]` against the number of heads that read it. */
export function expectCache(op: string, cache: TensorSpec, heads: number, size: number): void {
  expectDType(op, 'a cache', cache, 'f32');
  expectShape(op, 'a cache', cache, [-1, -1, -1, size]);
  if (cache.shape[1] === 0 || heads % cache.shape[1] !== 0) {
    throw new ShapeError(
      `expected heads that are a multiple of the cache's, received ${heads} heads and a cache of shape ${shapeText(cache.shape)}.`,
      { op },
    );
  }
}

/** Slot and position of a row, checked against a cache, for references: `undefined` for an idle row. */
export function cacheRow(
  op: string,
  cache: RefArray,
  slot: RefArray,
  pos: RefArray,
  row: number,
): { slot: number; pos: number } | undefined {
  if (pos.data[row] === -1) return undefined;
  const p = rowIndex(op, pos.data[row], cache.shape[2]);
  return { slot: rowIndex(op, slot.data[row], cache.shape[0]), pos: p };
}

/** `kv_append_`: writes row t of `x` into the cache at `slot[t]`, `pos[t]`. Rows at position -1 are left out. */
export const kvAppendDef: OpDef = {
  name: 'kv_append_',
  mutates: [0],
  infer([cache, x, slot, pos]) {
    expectDType('kv_append_', 'x', x, 'f32');
    expectShape('kv_append_', 'x', x, [-1, cache.shape[1] ?? -1, -1]);
    expectCache('kv_append_', cache, x.shape[1], x.shape[2]);
    expectRows('kv_append_', slot, pos, x.shape[0]);
    return [];
  },
  reference([cache, x, slot, pos]) {
    const [rows, heads, size] = x.shape;
    for (let t = 0; t < rows; t++) {
      const at = cacheRow('kv_append_', cache, slot, pos, t);
      if (at === undefined) continue;
      for (let h = 0; h < heads; h++) {
        const to = ((at.slot * heads + h) * cache.shape[2] + at.pos) * size;
        for (let i = 0; i < size; i++) cache.data[to + i] = x.data[(t * heads + h) * size + i];
      }
    }
  },
  cost: ([, x, slot, pos]) => ({ ops: 0, bytes: 2 * touch([x]) + touch([slot, pos]) }),
  tolerance: { exact: true },
  cases: () =>
    (
      [
        ['no rows', [2, 1, 3, 4], [], []],
        ['one slot, in order', [1, 2, 5, 3], [0, 0, 0], [2, 3, 4]],
        ['slots, an idle row, one place twice', [3, 2, 4, 17], [2, 0, 0, 1, 2], [0, 3, -1, 1, 0]],
      ] as const
    ).map(([name, shape, slot, pos]) => ({
      name,
      inputs: [
        { dtype: 'f32', shape, data: noise(sizeOf(shape), 1) },
        { dtype: 'f32', shape: [slot.length, shape[1], shape[3]], data: noise(slot.length * shape[1] * shape[3], 2) },
        { dtype: 'i32', shape: [slot.length], data: slot },
        { dtype: 'i32', shape: [slot.length], data: pos },
      ],
      attrs: {},
    })),
};

/**
 * Writes keys or values of rows into a cache, in place.
 *
 * @param cache f32 `[slots, heads, positions, E]`, changed
 * @param x f32 `[T, heads, E]`
 * @param slot i32 `[T]`
 * @param pos i32 `[T]`; -1 is an idle row
 * @throws ShapeError if a slot or position is outside the cache
 */
export function kvAppend_(cache: Tensor, x: Tensor, slot: Tensor, pos: Tensor): void {
  call(kvAppendDef, [cache, x, slot, pos], {});
}
