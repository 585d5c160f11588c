import { DTypeError, NativeError, OptionError, ShapeError } from '../native/errors';
import { describe } from '../native/options';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { shapeText, sizeOf } from '../tensor/shape';
import type { TypedArray } from '../tensor/dtype';
import { decoderOf, numberToF16 } from '../tensor/dtype';
import { noise } from './case-data';
import { call } from './dispatch';
import { expectShape, rowIndex } from './expect';
import { roundHalfEven } from './quantize';
import type { OpCase, OpDef, RefArray, TensorSpec } from './schema';
import { touch } from './schema';

/** How a cache keeps its numbers: as they are, as the nearest binary16, or as int8 codes with one scale a head and position. */
export type CacheType = 'f32' | 'f16' | 'i8';

/** All cache types. */
export const cacheTypes: readonly CacheType[] = ['f32', 'f16', 'i8'];

/** Throws OptionError unless `type` is one of {@link cacheTypes}. */
export function checkCacheType(where: string, type: unknown): asserts type is CacheType {
  if (cacheTypes.includes(type as CacheType)) return;
  throw new OptionError(`expected cacheType to be ${cacheTypes.join(', ')}, received ${describe(type)}.`, {
    op: where,
  });
}

/** Checks the slots and positions of `rows` rows. */
export function expectRows(op: string, slot: TensorSpec, pos: TensorSpec, rows: number): void {
  expectDType(op, 'slots', slot, 'i32');
  expectShape(op, 'slots', slot, [rows]);
  expectDType(op, 'positions', pos, 'i32');
  expectShape(op, 'positions', pos, [rows]);
}

/** Checks a cache `[slots, kv heads, positions, E]` and its scales against the number of heads that read it. */
export function expectCache(
  op: string,
  cache: TensorSpec,
  scales: TensorSpec | undefined,
  heads: number,
  size: number,
): void {
  expectDType(op, 'a cache', cache, 'f32', 'f16', 'i8');
  expectShape(op, 'a cache', cache, [-1, -1, -1, size]);
  if (cache.shape[1] === 0 || heads % cache.shape[1] !== 0) {
    throw new ShapeError(
      `expected heads that are a multiple of the cache's, received ${heads} heads and a cache of shape ${shapeText(cache.shape)}.`,
      { op },
    );
  }
  if ((cache.dtype === 'i8') !== (scales !== undefined)) {
    throw new DTypeError(
      `expected scales with a cache of dtype i8, and with no other, received ${scales === undefined ? 'none' : 'some'} and ${cache.dtype}.`,
      { op },
    );
  }
  if (scales === undefined) return;
  expectDType(op, 'scales', scales, 'f32');
  expectShape(op, 'scales', scales, cache.shape.slice(0, 3));
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

/** Reads element `i` of position `at` (counted over slots, kv heads and positions) of a cache, for references. */
export function cacheReader(cache: RefArray, scales: RefArray | undefined): (at: number, i: number) => number {
  const size = cache.shape[3];
  const decode = decoderOf(cache.dtype);
  if (scales === undefined) return (at, i) => decode(cache.data[at * size + i]);
  return (at, i) => cache.data[at * size + i] * scales.data[at];
}

/** Whether an error says that an f16 cache could not hold a key or value. */
export function isOverflow(error: unknown): error is NativeError {
  const { code, message } = (error ?? {}) as Partial<NativeError>;
  return code === 'ROTOR_NATIVE' && message?.startsWith('[kv_append_]') === true;
}

function toHalf(x: number): number {
  const half = numberToF16(x);
  if (Number.isFinite(x) && (half & 0x7fff) === 0x7c00) {
    throw new NativeError(
      'expected keys and values up to 65504, the largest f16, received a larger one. Use a cache of f32 or i8.',
      { op: 'kv_append_' },
    );
  }
  return half;
}

// Scale and codes of a head at one position.
function toCodes(x: TypedArray): { scale: number; codes: TypedArray } {
  let top = 0;
  for (const v of x) top = Number.isFinite(v) ? Math.max(top, Math.abs(v)) : NaN;
  if (!(top > 0)) return { scale: top, codes: new Int8Array(x.length) };
  const inverse = 127 / top;
  return { scale: top / 127, codes: Int8Array.from(x, (v: number) => roundHalfEven(v * inverse)) };
}

/**
 * `kv_append_`: writes row t of `x` into the cache at `slot[t]`, `pos[t]`. Rows at position -1 are left out.
 *
 * An f16 cache takes the nearest binary16, ties to even, and raises NativeError beyond 65504; on `cpu` the head then holds NaN, so
 * that what reads it is NaN. An i8 cache takes, for each head
 * and position, `scale = absmax / 127` and `code = roundHalfEven(x * (127 / absmax))`; a head with a NaN or an infinity gets
 * codes 0 and scale NaN, so that what reads it is NaN.
 */
export const kvAppendDef: OpDef = {
  name: 'kv_append_',
  mutates: [0, 4],
  infer([cache, x, slot, pos, scales]) {
    expectDType('kv_append_', 'x', x, 'f32');
    expectShape('kv_append_', 'x', x, [-1, cache.shape[1] ?? -1, -1]);
    expectCache('kv_append_', cache, scales, x.shape[1], x.shape[2]);
    expectRows('kv_append_', slot, pos, x.shape[0]);
    return [];
  },
  reference([cache, x, slot, pos, scales]) {
    const [rows, heads, size] = x.shape;
    for (let t = 0; t < rows; t++) {
      const at = cacheRow('kv_append_', cache, slot, pos, t);
      if (at === undefined) continue;
      for (let h = 0; h < heads; h++) {
        const to = (at.slot * heads + h) * cache.shape[2] + at.pos;
        const row = x.data.subarray((t * heads + h) * size, (t * heads + h + 1) * size);
        if (cache.dtype === 'i8') {
          const { scale, codes } = toCodes(row);
          cache.data.set(codes, to * size);
          scales.data[to] = scale;
        } else cache.data.set(cache.dtype === 'f16' ? row.map(toHalf) : row, to * size);
      }
    }
  },
  cost: ([cache, x, slot, pos]) => ({
    ops: 0,
    bytes: touch([x, { shape: x.shape, dtype: cache.dtype }, slot, pos]),
  }),
  tolerance: { rel: 2 ** -24, why: 'scales are rounded once to float32; all else is exact' },
  cases: () =>
    cacheTypes.flatMap((dtype) => appends.map(([name, shape, slot, pos]) => appendCase(dtype, name, shape, slot, pos))),
};

const appends = [
  ['no rows', [2, 1, 3, 4], [], []],
  ['one slot, in order', [1, 2, 5, 3], [0, 0, 0], [2, 3, 4]],
  ['slots, an idle row, one place twice', [3, 2, 4, 17], [2, 0, 0, 1, 2], [0, 3, -1, 1, 0]],
  ['long heads', [1, 3, 2, 130], [0, 0], [0, 1]],
] as const;

function appendCase(
  dtype: CacheType,
  name: string,
  shape: readonly number[],
  slot: readonly number[],
  pos: readonly number[],
): OpCase<Record<string, never>> {
  const data = noise(slot.length * shape[1] * shape[3], 2);
  // Ties, numbers whose code or half is small, zeros, and what is no number.
  const edges = [127, 0.5, 1.5, -2.5, 2 ** -25, 2 ** -24 * 1.5, 1e-30, -0, NaN, Infinity];
  edges.forEach((x, i) => data.length > 2 * edges.length && (data[i < 8 ? i : data.length - i] = x));
  const places = shape.slice(0, 3);
  return {
    name: `${dtype}, ${name}`,
    inputs: [
      { dtype, shape, data: noise(sizeOf(shape), 1).map((x) => (dtype === 'i8' ? Math.trunc(100 * x) : x)) },
      { dtype: 'f32', shape: [slot.length, shape[1], shape[3]], data },
      { dtype: 'i32', shape: [slot.length], data: slot },
      { dtype: 'i32', shape: [slot.length], data: pos },
      ...(dtype === 'i8' ? [{ dtype: 'f32', shape: places, data: noise(sizeOf(places), 3) } as const] : []),
    ],
    attrs: {},
  };
}

/**
 * Writes keys or values of rows into a cache, in place.
 *
 * @param cache f32, f16 or i8 `[slots, heads, positions, E]`, changed
 * @param x f32 `[T, heads, E]`
 * @param slot i32 `[T]`
 * @param pos i32 `[T]`; -1 is an idle row
 * @param scales f32 `[slots, heads, positions]` of an i8 cache, changed
 * @throws ShapeError if a slot or position is outside the cache; NativeError if an f16 cache cannot hold a number of `x`
 */
export function kvAppend_(cache: Tensor, x: Tensor, slot: Tensor, pos: Tensor, scales?: Tensor): void {
  call(kvAppendDef, [cache, x, slot, pos, ...(scales === undefined ? [] : [scales])], {});
}
