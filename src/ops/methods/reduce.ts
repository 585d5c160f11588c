import type { Dims, ReduceOptions } from '../reduce';
import { all, any, cumsum, max, mean, min, prod, sum } from '../reduce';
import type { NormOptions, VarianceOptions } from '../statistics';
import { countNonzero, norm, std, variance } from '../statistics';
import { attachMethods } from './attach';

declare module '../../tensor/tensor' {
  interface Tensor {
    /** Sum over dimensions (all by default), accumulated in double; whole numbers and bool give i32. */
    sum(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Mean over dimensions, f32. */
    mean(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Product over dimensions. */
    prod(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Largest element over dimensions; NaN if there is one. */
    max(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Smallest element over dimensions; NaN if there is one. */
    min(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Whether any element is not 0; bool. */
    any(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Whether no element is 0; bool. */
    all(dims?: Dims, options?: ReduceOptions): Tensor;
    /** Sums of the elements up to each one along a dimension (default the last). */
    cumsum(dim?: number): Tensor;
    /** Variance over dimensions, f32. */
    variance(dims?: Dims, options?: VarianceOptions): Tensor;
    /** Standard deviation over dimensions, f32. */
    std(dims?: Dims, options?: VarianceOptions): Tensor;
    /** The p-norm over dimensions, f32. */
    norm(dims?: Dims, options?: NormOptions): Tensor;
    /** Number of elements that are not 0; i32. */
    countNonzero(dims?: Dims, options?: ReduceOptions): Tensor;
  }
}

attachMethods({ sum, mean, prod, max, min, any, all, cumsum, variance, std, norm, countNonzero });
