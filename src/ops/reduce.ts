import { ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';
import type { DType } from '../tensor/dtype';
import { isFloat } from '../tensor/dtype';
import { normalizeDim, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { cast } from './cast';
import { callOne } from './dispatch';
import { floatEdges, intEdges, row, sample } from './case-data';
import type { OpCase, OpDef, Tolerance } from './schema';
import { touch } from './schema';

/** One dimension or several, negative ones from the end; left out: all. */
export type Dims = number | readonly number[];

/** Options of every reduction. */
export interface ReduceOptions {
  /** Keep the reduced dimensions with size 1. Default false. */
  keepDims?: boolean;
}

interface ReduceAttrs {
  /** Dimensions, whole numbers from 0, without repeats. */
  readonly dims: readonly number[];
  readonly keepDims: boolean;
}

interface ReduceSpec {
  readonly takes: readonly DType[];
  /** Dtype of the result; default the input's. */
  readonly gives?: DType;
  readonly tolerance?: Tolerance;
  /** Whether there is no result for no elements. */
  readonly needsOne?: boolean;
  /** The definition, for the elements in row-major order. */
  value(elements: readonly number[], dtype: DType): number;
}

function reduceDef(
  name: string,
  { takes, gives, tolerance = { exact: true }, needsOne = false, value }: ReduceSpec,
): OpDef<ReduceAttrs> {
  return {
    name,
    infer([x], { dims, keepDims }) {
      expectDType(name, 'the input', x, ...takes);
      const shape = keepDims
        ? x.shape.map((d, i) => (dims.includes(i) ? 1 : d))
        : x.shape.filter((_, i) => !dims.includes(i));
      if (needsOne && sizeOf(x.shape) === 0 && sizeOf(shape) > 0) {
        throw new ShapeError(`expected at least one element to reduce, received shape ${shapeText(x.shape)}.`, {
          op: name,
        });
      }
      return [{ shape, dtype: gives ?? x.dtype }];
    },
    encode: ({ dims }) => [dims.reduce((mask, d) => mask + 2 ** d, 0)],
    reference([x], { dims }, [y]) {
      const groups = Array.from(y.data, (): number[] => []);
      for (let i = 0; i < x.data.length; i++) {
        let [rest, o, step] = [i, 0, 1];
        for (let d = x.shape.length - 1; d >= 0; d--) {
          const index = rest % x.shape[d];
          rest = Math.floor(rest / x.shape[d]);
          if (dims.includes(d)) continue;
          o += index * step;
          step *= x.shape[d];
        }
        groups[o].push(x.data[i]);
      }
      groups.forEach((elements, o) => (y.data[o] = value(elements, x.dtype)));
    },
    cost: (inputs, outputs) => ({ ops: sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
    tolerance,
    strided: true,
    cases: () => takes.flatMap((dtype) => reduceCases(dtype, needsOne)),
  };
}

function reduceCases(dtype: DType, needsOne: boolean): OpCase<ReduceAttrs>[] {
  const edges = dtype === 'f32' ? floatEdges : dtype === 'i32' ? intEdges : [0, 1];
  const cases: OpCase<ReduceAttrs>[] = [
    { name: `${dtype}: all`, inputs: [sample(dtype, [3, 5, 7])], attrs: { dims: [0, 1, 2], keepDims: false } },
    { name: `${dtype}: last`, inputs: [sample(dtype, [7, 101])], attrs: { dims: [1], keepDims: true } },
    { name: `${dtype}: first`, inputs: [sample(dtype, [33, 5])], attrs: { dims: [0], keepDims: false } },
    {
      name: `${dtype}: outer two of four`,
      inputs: [sample(dtype, [2, 3, 4, 5])],
      attrs: { dims: [0, 2], keepDims: true },
    },
    {
      name: `${dtype}: middle of wide rows`,
      inputs: [sample(dtype, [2, 19, 77])],
      attrs: { dims: [1], keepDims: false },
    },
    { name: `${dtype}: no dimension`, inputs: [sample(dtype, [17])], attrs: { dims: [], keepDims: false } },
    {
      name: `${dtype}: edge values one by one`,
      inputs: [{ dtype, shape: [edges.length, 1], data: edges }],
      attrs: { dims: [1], keepDims: false },
    },
    { name: `${dtype}: edge values together`, inputs: [row(dtype, edges)], attrs: { dims: [0], keepDims: false } },
    { name: `${dtype}: a scalar`, inputs: [sample(dtype, [])], attrs: { dims: [], keepDims: false } },
    { name: `${dtype}: empty result`, inputs: [sample(dtype, [0, 3])], attrs: { dims: [1], keepDims: false } },
  ];
  if (!needsOne)
    cases.push({
      name: `${dtype}: nothing to reduce`,
      inputs: [sample(dtype, [2, 0])],
      attrs: { dims: [1], keepDims: false },
    });
  return cases;
}

const numbers = ['f32', 'i32'] as const;
const flags = ['bool'] as const;
const inDouble: Tolerance = {
  rel: 2 ** -24 * (1 + 2 ** -10),
  abs: 2 ** -150,
  why: 'accumulated in double, then one float32 rounding; the double part, n 2^-53 sum|x|, stays below 2^-34 of the result unless nearly all of it cancels',
};

const total = (elements: readonly number[]): number => elements.reduce((acc, v) => acc + v, 0);
const product = (elements: readonly number[], dtype: DType): number =>
  dtype === 'i32' ? elements.reduce((acc, v) => Math.imul(acc, v), 1) : elements.reduce((acc, v) => acc * v, 1);

export const sumDef: OpDef<ReduceAttrs> = reduceDef('sum', { takes: numbers, tolerance: inDouble, value: total });
export const meanDef: OpDef<ReduceAttrs> = reduceDef('mean', {
  takes: numbers,
  gives: 'f32',
  tolerance: inDouble,
  value: (v) => total(v) / v.length,
});
export const prodDef: OpDef<ReduceAttrs> = reduceDef('prod', { takes: numbers, tolerance: inDouble, value: product });
export const maxDef: OpDef<ReduceAttrs> = reduceDef('max', {
  takes: numbers,
  needsOne: true,
  value: (v) => v.reduce((acc, e) => Math.max(acc, e), -Infinity),
});
export const minDef: OpDef<ReduceAttrs> = reduceDef('min', {
  takes: numbers,
  needsOne: true,
  value: (v) => v.reduce((acc, e) => Math.min(acc, e), Infinity),
});
export const anyDef: OpDef<ReduceAttrs> = reduceDef('any', {
  takes: flags,
  value: (v) => Number(v.some((e) => e !== 0)),
});
export const allDef: OpDef<ReduceAttrs> = reduceDef('all', {
  takes: flags,
  value: (v) => Number(v.every((e) => e !== 0)),
});

/** `cumsum`: sums of the elements up to each one, along a dimension; accumulated in double, or modulo 2^32. */
export const cumsumDef: OpDef<{ dim: number }> = {
  name: 'cumsum',
  infer([x], { dim }) {
    expectDType('cumsum', 'the input', x, 'f32', 'i32');
    if (x.shape.length === 0)
      throw new ShapeError('expected at least one dimension, received shape [].', { op: 'cumsum' });
    normalizeDim('cumsum', dim, x.shape.length);
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  encode: ({ dim }) => [dim],
  reference([x], { dim }, [y]) {
    const step = sizeOf(x.shape.slice(dim + 1));
    for (let i = 0; i < x.data.length; i++) {
      const first = Math.floor(i / step) % x.shape[dim] === 0;
      y.data[i] = first ? 0 + x.data[i] : y.data[i - step] + x.data[i];
    }
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: inDouble,
  strided: true,
  cases: () =>
    numbers.flatMap((dtype) => [
      { name: `${dtype}: last`, inputs: [sample(dtype, [7, 101])], attrs: { dim: 1 } },
      { name: `${dtype}: middle`, inputs: [sample(dtype, [3, 17, 5])], attrs: { dim: 1 } },
      { name: `${dtype}: middle of wide rows`, inputs: [sample(dtype, [2, 17, 77])], attrs: { dim: 1 } },
      {
        name: `${dtype}: edge values`,
        inputs: [row(dtype, dtype === 'f32' ? [1e30, -1e30, 1, Infinity, -Infinity, 2, NaN] : intEdges)],
        attrs: { dim: 0 },
      },
      { name: `${dtype}: empty`, inputs: [sample(dtype, [2, 0])], attrs: { dim: 1 } },
    ]),
};

/** Every op of this file, for the registry. */
export const reduceDefs = [sumDef, meanDef, prodDef, maxDef, minDef, anyDef, allDef, cumsumDef] as const;

/** The dimensions named by `dims` (all by default), from 0; throws ShapeError out of range or for a repeat. */
export function resolveDims(op: string, ndim: number, dims: Dims | undefined): number[] {
  if (dims === undefined) return Array.from({ length: ndim }, (_, i) => i);
  const list = typeof dims === 'number' ? [dims] : [...dims];
  if (ndim === 0 && list.length > 0)
    throw new ShapeError(`expected no dimension for a tensor without dimensions, received ${list.join(', ')}.`, { op });
  const found = list.map((d) => normalizeDim(op, d, ndim));
  if (new Set(found).size !== found.length)
    throw new ShapeError(`expected every dimension once, received ${list.join(', ')}.`, { op });
  return found.sort((a, b) => a - b);
}

function reduce(def: OpDef<ReduceAttrs>, x: Tensor, dims: Dims | undefined, options: ReduceOptions): Tensor {
  checkOptions(def.name, options, ['keepDims']);
  const attrs = { dims: resolveDims(def.name, x.ndim, dims), keepDims: options.keepDims === true };
  const wide = def === anyDef || def === allDef ? cast(x, 'bool') : countable(x);
  try {
    return callOne(def, [wide], attrs);
  } finally {
    if (wide !== x) wide.dispose();
  }
}

/** i8, u8 and bool as i32, bf16 and f16 as f32; f32 and i32 as they are. */
export function countable(x: Tensor): Tensor {
  return cast(x, isFloat(x.dtype) ? 'f32' : 'i32');
}

/** Sum over dimensions. f32 and bf16 give f32, accumulated in double; whole numbers and bool give i32, modulo 2^32. */
export function sum(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(sumDef, x, dims, options);
}

/** Mean over dimensions, f32, accumulated in double; NaN for no elements. */
export function mean(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(meanDef, x, dims, options);
}

/** Product over dimensions. f32 and bf16 give f32, accumulated in double; whole numbers and bool give i32, modulo 2^32. */
export function prod(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(prodDef, x, dims, options);
}

/** Largest element over dimensions, f32 or i32; NaN if there is one. @throws ShapeError for no elements */
export function max(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(maxDef, x, dims, options);
}

/** Smallest element over dimensions, f32 or i32; NaN if there is one. @throws ShapeError for no elements */
export function min(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(minDef, x, dims, options);
}

/** Whether any element is not 0, over dimensions; bool, false for no elements. */
export function any(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(anyDef, x, dims, options);
}

/** Whether no element is 0, over dimensions; bool, true for no elements. */
export function all(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return reduce(allDef, x, dims, options);
}

/** Sums of the elements up to each one along a dimension (default the last); dtypes as {@link sum}. */
export function cumsum(x: Tensor, dim = -1): Tensor {
  const wide = countable(x);
  try {
    return callOne(cumsumDef, [wide], { dim: normalizeDim('cumsum', dim, x.ndim) });
  } finally {
    if (wide !== x) wide.dispose();
  }
}
