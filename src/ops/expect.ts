import { ShapeError } from '../native/errors';
import { shapeText } from '../tensor/shape';
import type { TensorSpec } from './schema';

/** Throws ShapeError unless `x` has the shape; -1 accepts any size. `what` completes "expected …". */
export function expectShape(op: string, what: string, x: TensorSpec, shape: readonly number[]): void {
  if (x.shape.length === shape.length && shape.every((d, i) => d < 0 || d === x.shape[i])) return;
  const text = shape.map((d) => (d < 0 ? '*' : String(d))).join(', ');
  throw new ShapeError(`expected ${what} of shape [${text}], received ${shapeText(x.shape)}.`, { op });
}

/** Checks an index that a reference meets in its data, as kernels do; the error text is theirs. */
export function rowIndex(op: string, value: number, limit: number): number {
  if (value >= 0 && value < limit) return value;
  throw new ShapeError(
    `expected an index from 0 to ${limit - 1}, received ${value}. Check the ids, positions or indices passed in.`,
    { op },
  );
}
