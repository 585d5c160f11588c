import { OptionError, ShapeError } from '../native/errors';
import { checkShape, contiguousStrides, normalizeDim, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { copy } from './copy';

// Views share memory with the tensor they come from and cost nothing; none of them is an op, so they are not recorded.

/** The tensor itself when its elements lie one after the other, else a copy in which they do. */
export function contiguous(x: Tensor): Tensor {
  x.checkAlive('contiguous');
  return x.isContiguous ? x : copy(x);
}

/**
 * The same elements, row-major, in another shape; one dimension may be -1 and follows from the others. A view where the
 * strides allow it, else a copy.
 *
 * @throws ShapeError when the number of elements differs
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  x.checkAlive('reshape');
  const to = resolveShape(x, shape);
  const strides = viewStrides(x.shape, x.strides, to);
  if (strides !== undefined) return x.view(to, strides, x.offset);
  const y = copy(x);
  const view = y.view(to, contiguousStrides(to), y.offset);
  y.dispose();
  return view;
}

function resolveShape(x: Tensor, shape: readonly number[]): number[] {
  const open = shape.indexOf(-1);
  const rest = shape.filter((_, i) => i !== open);
  checkShape('reshape', rest);
  const known = sizeOf(rest);
  const fits = open < 0 ? known === x.size : known > 0 && x.size % known === 0;
  if (!fits) {
    throw new ShapeError(
      `expected a shape of ${x.size} elements, received ${shapeText(shape)} for a tensor of shape ${shapeText(x.shape)}.`,
      {
        op: 'reshape',
      },
    );
  }
  const to = shape.map((d, i) => (i === open ? x.size / known : d));
  checkShape('reshape', to);
  return to;
}

// Strides that show the same elements in `to`, or undefined when no strides can: each run of new dimensions must
// lie inside old dimensions that are contiguous with each other.
function viewStrides(
  shape: readonly number[],
  strides: readonly number[],
  to: readonly number[],
): number[] | undefined {
  const size = sizeOf(to);
  if (size === 0) return contiguousStrides(to);
  const old = shape.map((d, i) => [d, strides[i]] as const).filter(([d]) => d !== 1);
  const out = new Array<number>(to.length).fill(0);
  let j = to.length - 1;
  for (let i = old.length - 1; i >= 0;) {
    let chunk = old[i][0];
    const step = old[i][1];
    while (--i >= 0 && old[i][1] === step * chunk) chunk *= old[i][0];
    let inner = 1;
    for (; j >= 0 && inner < chunk; j--) {
      out[j] = inner * step;
      inner *= to[j];
    }
    if (inner !== chunk) return undefined;
  }
  return out;
}

/**
 * Dimensions `start` to `end` (both included, negative from the end) made one. A view where possible.
 */
export function flatten(x: Tensor, start = 0, end = -1): Tensor {
  if (x.ndim === 0) return reshape(x, [1]);
  const a = normalizeDim('flatten', start, x.ndim);
  const b = normalizeDim('flatten', end, x.ndim);
  if (b < a) throw new ShapeError(`expected start <= end, received ${start} and ${end}.`, { op: 'flatten' });
  return reshape(x, [...x.shape.slice(0, a), sizeOf(x.shape.slice(a, b + 1)), ...x.shape.slice(b + 1)]);
}

/** The dimensions in another order: dimension `i` of the result is dimension `dims[i]` of `x`. A view. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const order = dims.map((d) => normalizeDim('permute', d, x.ndim));
  if (order.length !== x.ndim || new Set(order).size !== x.ndim) {
    throw new ShapeError(`expected each of the ${x.ndim} dimensions once, received ${shapeText(dims)}.`, {
      op: 'permute',
    });
  }
  return x.view(
    order.map((d) => x.shape[d]),
    order.map((d) => x.strides[d]),
    x.offset,
  );
}

/** Two dimensions exchanged, by default the last two. A view. */
export function transpose(x: Tensor, dim0 = -2, dim1 = -1): Tensor {
  const order = x.shape.map((_, i) => i);
  const a = normalizeDim('transpose', dim0, x.ndim);
  const b = normalizeDim('transpose', dim1, x.ndim);
  if (x.ndim > 0) [order[a], order[b]] = [b, a];
  return permute(x, order);
}

/** A dimension of 1 removed, or all of them. A view. */
export function squeeze(x: Tensor, dim?: number): Tensor {
  const gone = dim === undefined ? undefined : normalizeDim('squeeze', dim, x.ndim);
  if (gone !== undefined && x.ndim > 0 && x.shape[gone] !== 1) {
    throw new ShapeError(`expected a dimension of size 1, received dimension ${dim} of shape ${shapeText(x.shape)}.`, {
      op: 'squeeze',
    });
  }
  const left = x.shape.map((_, i) => i).filter((i) => (gone === undefined ? x.shape[i] !== 1 : i !== gone));
  return x.view(
    left.map((d) => x.shape[d]),
    left.map((d) => x.strides[d]),
    x.offset,
  );
}

/** A dimension of 1 inserted, so that it becomes dimension `dim` of the result. A view. */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  const at = normalizeDim('unsqueeze', dim, x.ndim + 1);
  const shape = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)];
  checkShape('unsqueeze', shape);
  return x.view(shape, [...x.strides.slice(0, at), 0, ...x.strides.slice(at)], x.offset);
}

/**
 * `x` repeated to `shape` without a copy: aligned from the right, a dimension of 1 stretches; -1 keeps a dimension.
 *
 * @throws ShapeError when `x` does not broadcast to the shape
 */
export function expand(x: Tensor, shape: readonly number[]): Tensor {
  const skip = shape.length - x.ndim;
  const to = shape.map((d, i) => (d === -1 && i >= skip ? x.shape[i - skip] : d));
  checkShape('expand', to);
  if (skip < 0 || !x.shape.every((d, i) => d === 1 || d === to[i + skip])) {
    throw new ShapeError(`expected a shape that ${shapeText(x.shape)} broadcasts to, received ${shapeText(shape)}.`, {
      op: 'expand',
    });
  }
  return x.view(
    to,
    to.map((_, i) => (i < skip || x.shape[i - skip] === 1 ? 0 : x.strides[i - skip])),
    x.offset,
  );
}

/** Splits a dimension into pieces of `size` (the last may be smaller), or of the given sizes. Views. */
export function split(x: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  const d = normalizeDim('split', dim, x.ndim);
  const n = x.shape[d] ?? 0;
  if (typeof size === 'number' && !(Number.isInteger(size) && size > 0)) {
    throw new OptionError(`expected a size that is a whole number above 0, received ${size}.`, { op: 'split' });
  }
  const sizes =
    typeof size === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(n / size)) }, (_, i) => Math.min(size, n - i * size))
      : size;
  if (x.ndim === 0 || sizes.some((s) => !(Number.isInteger(s) && s >= 0)) || sizes.reduce((a, b) => a + b, 0) !== n) {
    throw new ShapeError(`expected sizes that add up to ${n}, received ${shapeText(sizes)}.`, { op: 'split' });
  }
  let at = 0;
  return sizes.map((s) => {
    const begin = at;
    at += s;
    return narrow(x, d, begin, s);
  });
}

/** Splits a dimension into `count` pieces of equal size (rounded up; the last ones may be smaller or missing). Views. */
export function chunk(x: Tensor, count: number, dim = 0): Tensor[] {
  if (!(Number.isInteger(count) && count > 0)) {
    throw new OptionError(`expected a count that is a whole number above 0, received ${count}.`, { op: 'chunk' });
  }
  const d = normalizeDim('chunk', dim, x.ndim);
  return split(x, Math.max(1, Math.ceil((x.shape[d] ?? 0) / count)), d);
}

/** Elements `begin` to `begin + size` along a dimension. A view. */
export function narrow(x: Tensor, dim: number, begin: number, size: number): Tensor {
  const d = normalizeDim('narrow', dim, x.ndim);
  if (
    x.ndim === 0 ||
    !Number.isInteger(begin) ||
    !Number.isInteger(size) ||
    begin < 0 ||
    size < 0 ||
    begin + size > x.shape[d]
  ) {
    throw new ShapeError(
      `expected a range inside dimension ${dim} of shape ${shapeText(x.shape)}, received ${size} elements from ${begin}.`,
      {
        op: 'narrow',
      },
    );
  }
  const shape = x.shape.map((n, i) => (i === d ? size : n));
  return x.view(shape, x.strides, sizeOf(shape) === 0 ? x.offset : x.offset + begin * x.strides[d]);
}

export { at, slice } from './slice';
export type { SliceArg } from './slice';
