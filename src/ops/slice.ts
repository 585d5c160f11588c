import { OptionError, ShapeError } from '../native/errors';
import { describe } from '../native/options';
import { checkShape, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';

/**
 * One argument of {@link slice}, as Python has it: `'1:5'`, `':'`, `'::2'`, `'-3:'` take a range of a dimension; `2` or `'-1'`
 * take one index and drop the dimension; `null` inserts a dimension of 1; `'...'` stands for all dimensions not named.
 */
export type SliceArg = string | number | null;

/**
 * A part of a tensor; dimensions not named are taken whole. Ranges are cut off at the ends as in Python, single indices are
 * not. A view.
 *
 * `slice(x, ':', '-1', '2:8:2')` is Python's `x[:, -1, 2:8:2]`.
 *
 * @throws ShapeError for an index out of range or too many arguments; OptionError for text that is no slice, or a step below 1
 */
export function slice(x: Tensor, ...args: readonly SliceArg[]): Tensor {
  x.checkAlive('slice');
  const shape: number[] = [];
  const strides: number[] = [];
  let offset = x.offset;
  let dim = 0;
  const whole = (count: number): void => {
    for (; count > 0; count--, dim++) {
      shape.push(x.shape[dim]);
      strides.push(x.strides[dim]);
    }
  };
  const named = args.filter((a) => a !== null && a !== '...').length;
  if (named > x.ndim || args.filter((a) => a === '...').length > 1) {
    throw new ShapeError(
      `expected at most ${x.ndim} slices and one '...' for shape ${shapeText(x.shape)}, received ${args.map(describe).join(', ')}.`,
      {
        op: 'slice',
      },
    );
  }
  for (const arg of args) {
    if (arg === null) {
      shape.push(1);
      strides.push(0);
    } else if (arg === '...') {
      whole(x.ndim - named);
    } else {
      const part = parse(arg);
      const n = x.shape[dim];
      if (typeof part === 'number') {
        offset += indexIn(x, dim, part, 'slice') * x.strides[dim];
      } else {
        const [begin, count] = range(part, n);
        shape.push(count);
        strides.push(count > 1 ? x.strides[dim] * part.step : x.strides[dim]);
        offset += begin * x.strides[dim];
      }
      dim++;
    }
  }
  whole(x.ndim - dim);
  checkShape('slice', shape);
  return x.view(shape, strides, sizeOf(shape) === 0 ? x.offset : offset);
}

/**
 * The part at the given indices of the first dimensions (negative from the end), as Python's `x[i, j]`. A view; with an
 * index for every dimension it has no dimensions, and `item()` gives the number.
 *
 * @throws ShapeError for an index out of range, or more indices than dimensions
 */
export function at(x: Tensor, ...indices: readonly number[]): Tensor {
  x.checkAlive('at');
  if (indices.length > x.ndim) {
    throw new ShapeError(
      `expected at most ${x.ndim} indices for shape ${shapeText(x.shape)}, received ${indices.length}.`,
      { op: 'at' },
    );
  }
  const offset = indices.reduce((sum, index, dim) => sum + indexIn(x, dim, index, 'at') * x.strides[dim], x.offset);
  const shape = x.shape.slice(indices.length);
  return x.view(shape, x.strides.slice(indices.length), sizeOf(shape) === 0 ? x.offset : offset);
}

function indexIn(x: Tensor, dim: number, index: number, op: string): number {
  const n = x.shape[dim];
  const i = index < 0 ? index + n : index;
  if (!Number.isInteger(i) || i < 0 || i >= n) {
    throw new ShapeError(
      `expected an index from ${-n} to ${n - 1} for dimension ${dim} of shape ${shapeText(x.shape)}, received ${describe(index)}.`,
      { op },
    );
  }
  return i;
}

interface Range {
  readonly begin: number | undefined;
  readonly end: number | undefined;
  readonly step: number;
}

function parse(arg: string | number): number | Range {
  if (typeof arg === 'number') return arg;
  const parts = typeof arg === 'string' ? arg.split(':').map((s) => s.trim()) : [];
  if (
    parts.length < 1 ||
    parts.length > 3 ||
    !parts.every((s) => /^([+-]?\d+)?$/.test(s)) ||
    (parts.length === 1 && parts[0] === '')
  ) {
    throw new OptionError(
      `expected a slice such as ':', '2', '-1' or '1:5:2', a whole number, null or '...', received ${describe(arg)}.`,
      { op: 'slice' },
    );
  }
  const [begin, end, step] = parts.map((s) => (s === '' ? undefined : Number(s)));
  if (parts.length === 1) return Number(parts[0]);
  if (step !== undefined && step < 1) {
    throw new OptionError(`expected a step of at least 1, received ${step}. Use flip() to reverse a dimension.`, {
      op: 'slice',
    });
  }
  return { begin, end, step: step ?? 1 };
}

// First index and count of a Python range over n elements.
function range({ begin = 0, end, step }: Range, n: number): [number, number] {
  const clip = (i: number): number => Math.min(Math.max(i < 0 ? i + n : i, 0), n);
  const from = clip(begin);
  return [from, Math.max(0, Math.ceil((clip(end ?? n) - from) / step))];
}
