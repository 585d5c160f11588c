import { OptionError, ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';
import type { DType } from '../tensor/dtype';
import { normalizeDim, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { call, callOne } from './dispatch';
import type { OpCase, OpDef, TensorSpec } from './schema';
import { touch } from './schema';
import { reshape, transpose } from './views';

/** What can be ordered; a bf16 tensor is cast first. */
const ordered: DType[] = ['f32', 'i32', 'i8', 'u8', 'bool'];

// Below 0 when `a` comes before `b` in ascending order. NaN is the largest value; -0 equals 0.
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

// Values with ties, NaN, both zeros and infinities.
function rough(n: number): number[] {
  const special = [NaN, -0, 0, Infinity, -Infinity, 1, 1];
  return Array.from({ length: n }, (_, i) =>
    i % 5 === 3 ? special[i % 7] : Math.fround(Math.round(20 * Math.sin(i * i)) / 4),
  );
}

interface ArgAttrs {
  readonly dim: number;
  readonly keepDims: boolean;
}

function argDef(name: 'argmax' | 'argmin', sign: 1 | -1): OpDef<ArgAttrs> {
  return {
    name,
    infer([x], { dim, keepDims }) {
      expectDType(name, 'the input', x, ...ordered);
      if (x.shape[dim] === 0)
        throw new ShapeError(
          `expected at least one element along dimension ${dim}, received shape ${shapeText(x.shape)}.`,
          { op: name },
        );
      return [
        {
          shape: keepDims ? x.shape.map((d, i) => (i === dim ? 1 : d)) : x.shape.filter((_, i) => i !== dim),
          dtype: 'i32',
        },
      ];
    },
    encode: ({ dim }) => [dim],
    reference([x], { dim }, [y]) {
      const n = x.shape[dim];
      const inner = sizeOf(x.shape.slice(dim + 1));
      for (let i = 0; i < y.data.length; i++) {
        const value = (j: number): number => x.data[(Math.floor(i / inner) * n + j) * inner + (i % inner)];
        let best = 0;
        for (let j = 1; j < n && !Number.isNaN(value(best)); j++) {
          if (Number.isNaN(value(j)) || sign * compare(value(j), value(best)) > 0) best = j;
        }
        y.data[i] = best;
      }
    },
    cost: (inputs, outputs) => ({ ops: sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
    tolerance: { exact: true },
    cases: () => [
      {
        name: 'last dimension',
        inputs: [{ dtype: 'f32', shape: [7, 9], data: rough(63) }],
        attrs: { dim: 1, keepDims: false },
      },
      {
        name: 'first dimension',
        inputs: [{ dtype: 'f32', shape: [9, 40], data: rough(360) }],
        attrs: { dim: 0, keepDims: true },
      },
      {
        name: 'ties and limits',
        inputs: [{ dtype: 'i32', shape: [2, 3], data: [5, 2147483647, 2147483647, -2147483648, 0, -2147483648] }],
        attrs: { dim: 1, keepDims: false },
      },
      {
        name: 'i8',
        inputs: [{ dtype: 'i8', shape: [4], data: [3, -128, 127, 127] }],
        attrs: { dim: 0, keepDims: false },
      },
      { name: 'no rows', inputs: [{ dtype: 'u8', shape: [0, 3], data: [] }], attrs: { dim: 1, keepDims: false } },
    ],
  };
}

/** `argmax`: i32 index of the largest element along a dimension; the lowest index wins, NaN wins over all. */
export const argmaxDef: OpDef<ArgAttrs> = argDef('argmax', 1);
/** `argmin`: i32 index of the smallest element along a dimension; the lowest index wins, NaN wins over all. */
export const argminDef: OpDef<ArgAttrs> = argDef('argmin', -1);

function arg(def: OpDef<ArgAttrs>, x: Tensor, dim: number | undefined, options: { keepDims?: boolean }): Tensor {
  checkOptions(def.name, options, ['keepDims']);
  const { keepDims = false } = options;
  if (dim !== undefined && x.ndim > 0) return callOne(def, [x], { dim: normalizeDim(def.name, dim, x.ndim), keepDims });
  if (dim !== undefined) normalizeDim(def.name, dim, 1);
  const flat = reshape(x, [x.size]);
  const y = callOne(def, [flat], { dim: 0, keepDims: false });
  flat.dispose();
  if (!keepDims || x.ndim === 0) return y;
  const out = reshape(
    y,
    x.shape.map(() => 1),
  );
  y.dispose();
  return out;
}

/**
 * Index (i32) of the largest element along a dimension, or in the flattened tensor. The lowest index wins a tie, and NaN
 * wins over everything, as in NumPy.
 */
export function argmax(x: Tensor, dim?: number, options: { keepDims?: boolean } = {}): Tensor {
  return arg(argmaxDef, x, dim, options);
}

/** Index (i32) of the smallest element along a dimension, or in the flattened tensor. Ties and NaN as {@link argmax}. */
export function argmin(x: Tensor, dim?: number, options: { keepDims?: boolean } = {}): Tensor {
  return arg(argminDef, x, dim, options);
}

// Indices of a row in order, ties by index.
function sortedIndices(row: ArrayLike<number>, descending: boolean): number[] {
  const sign = descending ? -1 : 1;
  return Array.from({ length: row.length }, (_, i) => i).sort((i, j) => sign * compare(row[i], row[j]) || i - j);
}

// The first k of each sorted row.
function selectRows(
  x: { shape: readonly number[]; data: ArrayLike<number> },
  descending: boolean,
  k: number,
  values: { data: { [i: number]: number } },
  indices: { data: { [i: number]: number } },
): void {
  const n = x.shape[x.shape.length - 1];
  for (let r = 0; r * n < x.data.length; r++) {
    const row = Array.prototype.slice.call(x.data, r * n, (r + 1) * n) as number[];
    sortedIndices(row, descending)
      .slice(0, k)
      .forEach((id, i) => {
        values.data[r * k + i] = row[id];
        indices.data[r * k + i] = id;
      });
  }
}

function needRows(op: string, x: TensorSpec): void {
  expectDType(op, 'the input', x, ...ordered);
  if (x.shape.length < 1) throw new ShapeError('expected at least one dimension, received none.', { op });
}

/** `sort`: rows of the last dimension in order, and where each element came from (i32). Stable; NaN is the largest value. */
export const sortDef: OpDef<{ descending: boolean }> = {
  name: 'sort',
  infer([x]) {
    needRows('sort', x);
    return [
      { shape: x.shape, dtype: x.dtype },
      { shape: x.shape, dtype: 'i32' },
    ];
  },
  encode: ({ descending }) => [Number(descending)],
  reference([x], { descending }, [values, indices]) {
    selectRows(x, descending, x.shape[x.shape.length - 1], values, indices);
  },
  cost: ([x], outputs) => ({
    ops: sizeOf(x.shape) * Math.ceil(Math.log2(Math.max(2, x.shape[x.shape.length - 1]))),
    bytes: touch([x], outputs),
  }),
  tolerance: { exact: true },
  cases: () => [
    ...[1, 2, 7, 64, 101].flatMap((n) =>
      [true, false].map((descending): OpCase<{ descending: boolean }> => ({
        name: `rows of ${n}, ${descending ? 'descending' : 'ascending'}`,
        inputs: [{ dtype: 'f32', shape: [3, n], data: rough(3 * n) }],
        attrs: { descending },
      })),
    ),
    {
      name: 'i32 limits',
      inputs: [{ dtype: 'i32', shape: [5], data: [0, -2147483648, 2147483647, -1, 0] }],
      attrs: { descending: true },
    },
    { name: 'bool', inputs: [{ dtype: 'bool', shape: [5], data: [1, 0, 1, 0, 0] }], attrs: { descending: false } },
    { name: 'nothing', inputs: [{ dtype: 'f32', shape: [2, 0], data: [] }], attrs: { descending: false } },
  ],
};

/** `topk`: the k largest (or smallest) elements of each row of the last dimension in order, and their indices (i32). Ties by index; NaN is the largest value. */
export const topkDef: OpDef<{ k: number; largest: boolean }> = {
  name: 'topk',
  infer([x], { k }) {
    needRows('topk', x);
    const n = x.shape[x.shape.length - 1];
    if (!(Number.isInteger(k) && k >= 0 && k <= n))
      throw new OptionError(`expected k from 0 to ${n}, received ${k}.`, { op: 'topk' });
    const shape = [...x.shape.slice(0, -1), k];
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: 'i32' },
    ];
  },
  encode: ({ k, largest }) => [k, Number(largest)],
  reference([x], { k, largest }, [values, indices]) {
    selectRows(x, largest, k, values, indices);
  },
  cost: ([x], outputs) => ({ ops: sizeOf(x.shape), bytes: touch([x], outputs) }),
  tolerance: { exact: true },
  cases: () => [
    ...[0, 1, 5, 50].flatMap((k) =>
      [true, false].map((largest): OpCase<{ k: number; largest: boolean }> => ({
        name: `${k} ${largest ? 'largest' : 'smallest'} of 50`,
        inputs: [{ dtype: 'f32', shape: [4, 50], data: rough(200) }],
        attrs: { k, largest },
      })),
    ),
    {
      name: 'i8',
      inputs: [{ dtype: 'i8', shape: [6], data: [1, -128, 127, 1, 127, 0] }],
      attrs: { k: 4, largest: true },
    },
    { name: 'no rows', inputs: [{ dtype: 'f32', shape: [0, 3], data: [] }], attrs: { k: 2, largest: true } },
  ],
};

/** Values, and the i32 indices they had. */
export interface Selected {
  readonly values: Tensor;
  readonly indices: Tensor;
}

// Runs a two-output op of the last dimension on dimension `dim`.
function alongLastPair<A>(def: OpDef<A>, x: Tensor, dim: number, attrs: A): Selected {
  const d = normalizeDim(def.name, dim, Math.max(x.ndim, 1));
  if (x.ndim === 0 || d === x.ndim - 1) {
    const [values, indices] = call(def, [x], attrs);
    return { values, indices };
  }
  const turned = transpose(x, d, -1);
  const outputs = call(def, [turned], attrs);
  const [values, indices] = outputs.map((y) => transpose(y, d, -1));
  for (const y of [turned, ...outputs]) y.dispose();
  return { values, indices };
}

/** Elements in ascending or descending order along a dimension, with their former indices. Stable; NaN is the largest value. */
export function sort(x: Tensor, dim = -1, options: { descending?: boolean } = {}): Selected {
  checkOptions('sort', options, ['descending']);
  return alongLastPair(sortDef, x, dim, { descending: options.descending ?? false });
}

/** Indices (i32) that sort `x` along a dimension: `takeAlongDim(x, argsort(x))` is sorted. Stable; NaN is the largest value. */
export function argsort(x: Tensor, dim = -1, options: { descending?: boolean } = {}): Tensor {
  const { values, indices } = sort(x, dim, options);
  values.dispose();
  return indices;
}

/** The `k` largest elements along a dimension (smallest with `largest: false`) in order, with their indices. The lowest index wins a tie; NaN is the largest value. */
export function topk(x: Tensor, k: number, dim = -1, options: { largest?: boolean } = {}): Selected {
  checkOptions('topk', options, ['largest']);
  return alongLastPair(topkDef, x, dim, { k, largest: options.largest ?? true });
}
