import type { DType, TypedArray } from './dtype';
import { sizeOf } from './shape';

/** Whether elements with these strides lie one after the other, row-major. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i];
  }
  return true;
}

/** Memory that elements are read from. */
interface Source {
  elements(dtype: DType, offset: number, length: number): TypedArray;
}

/** What of its memory a tensor shows. */
interface Shown {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** The memory from the first element of a view to its last, without a copy: element `[i, j, …]` is at `i * strides[0] + …`. */
export function readExtent(source: Source, { dtype, shape, strides, offset }: Shown): TypedArray {
  const extent = sizeOf(shape) === 0 ? 0 : shape.reduce((end, d, i) => end + (d - 1) * strides[i], 1);
  return source.elements(dtype, offset, extent);
}

/** The elements of a view, row-major: the memory itself when the view is contiguous, else a copy. */
export function readElements(source: Source, shown: Shown): TypedArray {
  const { shape, strides } = shown;
  const size = sizeOf(shape);
  const from = readExtent(source, shown);
  if (size === 0 || isContiguous(shape, strides)) return from;
  const Kind = from.constructor as new (length: number) => TypedArray;
  const to = new Kind(size);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0, at = 0; i < size; i++) {
    to[i] = from[at];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return to;
}
