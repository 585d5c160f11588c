import { ShapeError } from '../native/errors';
import { maxDims } from '../native/abi';

/** Product of the dimensions. */
export function sizeOf(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** Row-major strides in elements. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

/** `[2, 3]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Throws ShapeError unless `shape` is an array of at most six whole numbers >= 0 below 2^31. */
export function checkShape(op: string, shape: readonly number[]): void {
  const ok =
    Array.isArray(shape) &&
    shape.length <= maxDims &&
    shape.every((d) => Number.isInteger(d) && d >= 0 && d < 2147483648);
  if (!ok) {
    throw new ShapeError(
      `expected up to ${maxDims} dimensions, whole numbers from 0 below 2^31, received ${String(shape)}.`,
      { op },
    );
  }
}

/**
 * The shape that `a` and `b` broadcast to: aligned from the right, a dimension of 1 stretches.
 *
 * @throws ShapeError if they do not fit
 */
export function broadcastShapes(op: string, a: readonly number[], b: readonly number[]): number[] {
  const n = Math.max(a.length, b.length);
  const out = new Array<number>(n);
  for (let i = 1; i <= n; i++) {
    const x = i <= a.length ? a[a.length - i] : 1;
    const y = i <= b.length ? b[b.length - i] : 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `expected shapes that broadcast (equal or 1, from the right), received ${shapeText(a)} and ${shapeText(b)}. Reshape or expand one of them.`,
        { op, details: { a, b } },
      );
    }
    out[n - i] = x === 1 ? y : x;
  }
  return out;
}

/** Turns a dimension that may be negative (from the end) into an index; throws ShapeError out of range. */
export function normalizeDim(op: string, dim: number, ndim: number): number {
  const d = dim < 0 ? dim + ndim : dim;
  if (!Number.isInteger(d) || d < 0 || d >= Math.max(ndim, 1)) {
    throw new ShapeError(`expected a dimension from ${-ndim} to ${ndim - 1}, received ${dim}.`, { op });
  }
  return d;
}
