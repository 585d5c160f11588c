import { flip, pad } from '../concat';
import { copy } from '../copy';
import { gather, takeAlongDim } from '../gather';
import { tril, triu } from '../triangle';
import type { SliceArg } from '../views';
import {
  at,
  chunk,
  contiguous,
  expand,
  flatten,
  narrow,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from '../views';
import { Tensor } from '../../tensor/tensor';
import { attachMethods } from './attach';

declare module '../../tensor/tensor' {
  interface Tensor {
    /** All dimensions in reverse order. A view. */
    readonly T: Tensor;
    /** A part, in Python's notation: `x.slice(':', -1, '2:8:2')` is `x[:, -1, 2:8:2]`; `null` adds a dimension. A view. */
    slice(...args: readonly SliceArg[]): Tensor;
    /** The part at indices of the first dimensions, negative from the end: `x.at(0, -1).item()`. A view. */
    at(...indices: readonly number[]): Tensor;
    /** The same elements in another shape; one dimension may be -1. A view where possible. */
    reshape(shape: readonly number[]): Tensor;
    /** Dimensions `start` to `end` (all by default) made one. */
    flatten(start?: number, end?: number): Tensor;
    /** Two dimensions exchanged, the last two by default. A view. */
    transpose(dim0?: number, dim1?: number): Tensor;
    /** The dimensions in another order. A view. */
    permute(dims: readonly number[]): Tensor;
    /** Without a dimension of 1, or all of them. A view. */
    squeeze(dim?: number): Tensor;
    /** With a dimension of 1 at place `dim`. A view. */
    unsqueeze(dim: number): Tensor;
    /** Repeated to a shape that it broadcasts to; -1 keeps a dimension. A view. */
    expand(shape: readonly number[]): Tensor;
    /** `size` elements from `begin` along a dimension. A view. */
    narrow(dim: number, begin: number, size: number): Tensor;
    /** Pieces of a size, or of the given sizes, along a dimension (the first by default). Views. */
    split(size: number | readonly number[], dim?: number): Tensor[];
    /** `count` pieces along a dimension (the first by default). Views. */
    chunk(count: number, dim?: number): Tensor[];
    /** The tensor itself if its elements lie one after the other, else a copy in which they do. */
    contiguous(): Tensor;
    /** A new contiguous tensor with the same values. */
    copy(): Tensor;
    /** Reversed along dimensions (all by default). A copy. */
    flip(dims?: number | readonly number[]): Tensor;
    /** With `value` (0 by default) around it: a pair `[before, after]` for each dimension. */
    pad(widths: readonly (readonly [number, number])[], value?: number | boolean): Tensor;
    /** Entries named by i32 indices along a dimension (the first by default), as NumPy's `take`. */
    gather(indices: Tensor, dim?: number): Tensor;
    /** One entry per index along a dimension (the last by default), as NumPy's `take_along_axis`. */
    takeAlongDim(indices: Tensor, dim?: number): Tensor;
    /** Lower triangle of the last two dimensions; the rest 0. */
    tril(diagonal?: number): Tensor;
    /** Upper triangle of the last two dimensions; the rest 0. */
    triu(diagonal?: number): Tensor;
  }
}

attachMethods({
  ...{ slice, at, reshape, flatten, transpose, permute, squeeze, unsqueeze, expand, narrow, split, chunk },
  ...{ contiguous, copy, flip, pad, gather, takeAlongDim, tril, triu },
});

Object.defineProperty(Tensor.prototype, 'T', {
  configurable: true,
  get(this: Tensor): Tensor {
    return permute(
      this,
      this.shape.map((_, i) => this.ndim - 1 - i),
    );
  },
});
