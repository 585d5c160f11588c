import type { TypedArray } from './dtype';
import type { Tensor } from './tensor';

/**
 * Overwrites elements of a tensor in place; for caches and state that belong to the library.
 *
 * @param x contiguous
 * @param values as the device stores them: bits for `bf16` and `f16`
 * @param at first element
 */
export function write(x: Tensor, values: TypedArray, at = 0): void {
  x.checkAlive('write');
  x.storage.write(x.dtype, x.offset + at, values);
}

/** Overwrites `count` elements of a tensor in place with those of another on the same device. Both are contiguous. */
export function copyElements(from: Tensor, fromAt: number, to: Tensor, toAt: number, count: number): void {
  from.checkAlive('copyElements');
  to.checkAlive('copyElements');
  to.storage.copyFrom(from.storage, to.dtype, from.offset + fromAt, to.offset + toAt, count);
}
