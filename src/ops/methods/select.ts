import type { Histogram, HistogramOptions } from '../count';
import { bincount, histogram } from '../count';
import { oneHot } from '../gather';
import { dot, matmul, outer } from '../matmul';
import type { Selected } from '../order';
import { argmax, argmin, argsort, sort, topk } from '../order';
import { logSoftmax, softmax } from '../softmax';
import { attachMethods } from './attach';

declare module '../../tensor/tensor' {
  interface Tensor {
    /** Matrix product, f32, with broadcasting of the dimensions before the last two. */
    matmul(y: Tensor): Tensor;
    /** Dot product of two tensors of one dimension. */
    dot(y: Tensor): Tensor;
    /** All products of an element of this and one of `y`: `[this.size, y.size]`. */
    outer(y: Tensor): Tensor;
    /** Probabilities along a dimension (the last by default). */
    softmax(dim?: number): Tensor;
    /** Logarithms of the probabilities along a dimension (the last by default). */
    logSoftmax(dim?: number): Tensor;
    /** Index of the largest element along a dimension, or in all of them; the lowest wins a tie, NaN wins over all. */
    argmax(dim?: number, options?: { keepDims?: boolean }): Tensor;
    /** Index of the smallest element along a dimension, or in all of them; the lowest wins a tie, NaN wins over all. */
    argmin(dim?: number, options?: { keepDims?: boolean }): Tensor;
    /** Elements in order along a dimension (the last by default), and their former indices. Stable; NaN is the largest value. */
    sort(dim?: number, options?: { descending?: boolean }): Selected;
    /** Indices that sort along a dimension (the last by default). */
    argsort(dim?: number, options?: { descending?: boolean }): Tensor;
    /** The `k` largest elements along a dimension (the last by default) in order, and their indices. */
    topk(k: number, dim?: number, options?: { largest?: boolean }): Selected;
    /** f32 `[…, classes]`, 1 at each index and 0 elsewhere. */
    oneHot(classes: number): Tensor;
    /** How often each whole number below `length` occurs. */
    bincount(length: number): Tensor;
    /** Counts in equal bins, and their bounds. */
    histogram(options?: HistogramOptions): Histogram;
  }
}

attachMethods({
  ...{ matmul, dot, outer, softmax, logSoftmax, argmax, argmin, sort, argsort, topk },
  ...{ oneHot, bincount, histogram },
});
