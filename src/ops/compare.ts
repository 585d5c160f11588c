import type { DType, TypedArray } from '../tensor/dtype';
import { decoderOf, isFloat } from '../tensor/dtype';
import type { Tolerance } from './schema';

/** How a result compares with the reference. */
export interface Comparison {
  /** Largest `|got - want|` over finite elements. */
  readonly maxError: number;
  /** What the tolerance allows: `abs + rel * max|want|`; 0 for exact results. */
  readonly limit: number;
  /** Index of the first element outside, or -1. */
  readonly badIndex: number;
}

/**
 * Compares a device's result with the reference's, by the op's tolerance; integers, and ops declared exact, must be equal.
 * Two NaN, and two equal infinities, agree.
 */
export function compareArrays(
  tolerance: Tolerance,
  dtype: DType,
  got: ArrayLike<number>,
  want: TypedArray,
): Comparison {
  const value = decoderOf(dtype);
  const rounded = dtype === 'f32' ? Math.fround : value;
  let max = 0;
  for (const v of want) if (Number.isFinite(value(v))) max = Math.max(max, Math.abs(value(v)));
  const limit = 'rel' in tolerance && isFloat(dtype) ? (tolerance.abs ?? 0) + tolerance.rel * max : 0;
  let maxError = 0;
  let badIndex = got.length === want.length ? -1 : Math.min(got.length, want.length);
  for (let i = 0; i < want.length; i++) {
    const g = value(got[i]);
    const w = value(want[i]);
    if (Object.is(g, w) || g === rounded(want[i]) || (Number.isNaN(g) && Number.isNaN(w))) continue;
    const error = Math.abs(g - w);
    if (Number.isFinite(error)) maxError = Math.max(maxError, error);
    if (!(error <= limit) && badIndex < 0) badIndex = i;
  }
  return { maxError, limit, badIndex };
}
