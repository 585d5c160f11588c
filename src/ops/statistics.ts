import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { div, mul, pow, sub } from './binary';
import { cast } from './cast';
import type { Dims, ReduceOptions } from './reduce';
import { max, mean, resolveDims, sum } from './reduce';
import { abs, sqrt } from './unary';

/** Options of {@link variance} and {@link std}. */
export interface VarianceOptions extends ReduceOptions {
  /** Taken from the number of elements before dividing: 0 (default) for the population, 1 for a sample. */
  correction?: number;
}

/** Options of {@link norm}. */
export interface NormOptions extends ReduceOptions {
  /** Order, above 0; Infinity gives the largest magnitude. Default 2. */
  p?: number;
}

/** Variance over dimensions, f32: the mean squared distance from the mean. */
export function variance(x: Tensor, dims?: Dims, options: VarianceOptions = {}): Tensor {
  checkOptions('variance', options, ['keepDims', 'correction']);
  const { keepDims = false, correction = 0 } = options;
  const count = resolveDims('variance', x.ndim, dims).reduce((n, d) => n * x.shape[d], 1);
  return scope(() => {
    const real = cast(x, 'f32');
    const distance = sub(real, mean(real, dims, { keepDims: true }));
    return div(sum(mul(distance, distance), dims, { keepDims }), Math.max(0, count - correction));
  });
}

/** Standard deviation over dimensions, f32: the root of {@link variance}. */
export function std(x: Tensor, dims?: Dims, options: VarianceOptions = {}): Tensor {
  checkOptions('std', options, ['keepDims', 'correction']);
  return scope(() => sqrt(variance(x, dims, options)));
}

/** The p-norm over dimensions, f32. Squares (or powers) are float32: magnitudes above 1e19 overflow for p = 2. */
export function norm(x: Tensor, dims?: Dims, options: NormOptions = {}): Tensor {
  checkOptions('norm', options, ['keepDims', 'p']);
  const { keepDims = false, p = 2 } = options;
  if (!(p > 0)) throw new OptionError(`expected p above 0, received ${p}.`, { op: 'norm' });
  return scope(() => {
    const real = cast(x, 'f32');
    if (p === 2) return sqrt(sum(mul(real, real), dims, { keepDims }));
    const size = abs(real);
    if (p === Infinity) return max(size, dims, { keepDims });
    return p === 1 ? sum(size, dims, { keepDims }) : pow(sum(pow(size, p), dims, { keepDims }), 1 / p);
  });
}

/** Number of elements that are not 0, over dimensions; i32. NaN counts. */
export function countNonzero(x: Tensor, dims?: Dims, options: ReduceOptions = {}): Tensor {
  return scope(() => sum(cast(x, 'bool'), dims, options));
}
