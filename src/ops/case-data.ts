import type { DType } from '../tensor/dtype';
import { isFloat } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { OpCase } from './schema';

/** Inputs of test cases that many op declarations share. */

type Input = OpCase<unknown>['inputs'][number];

/** Values at which float arithmetic goes wrong, if it does. */
export const floatEdges: readonly number[] = [
  NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3,
  -3,
  1e-3,
  2 ** -126,
  2 ** -149,
  -(2 ** -149),
  1e-30,
  1e30,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  16777217,
  8388607.5,
  89,
  -104,
  88.7,
  127,
  128,
  -129,
  255,
  256,
  2147483648,
  -2147483649,
  1e22,
];

/** The same for int32. */
export const intEdges: readonly number[] = [
  0, 1, -1, 2, -2, 3, 7, -7, 127, -128, 255, 256, 46341, -65536, 16777217, 2147483647, -2147483648,
];

// `count` numbers in [0, 1), the same every time for a state.
function uniforms(count: number, state: number): number[] {
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}

/** `count` numbers in [-1, 1), the same every time for a seed. */
export function noise(count: number, seed = 1): number[] {
  return uniforms(count, (seed * 2654435761) >>> 0).map((u) => 2 * u - 1);
}

/** `count` values between about -`spread` and `spread`, without a pattern, always the same; whole numbers unless `dtype` is a float. */
export function sampleValues(dtype: DType, count: number, spread = 4): number[] {
  return uniforms(count, 12345).map((u) => {
    if (dtype === 'bool') return u < 0.5 ? 0 : 1;
    if (isFloat(dtype)) return (2 * u - 1) * spread;
    return Math.floor(dtype === 'u8' ? u * spread : (2 * u - 1) * spread);
  });
}

/** An operand with {@link sampleValues}. */
export function sample(dtype: DType, shape: readonly number[], spread = 4): Input {
  return { dtype, shape, data: sampleValues(dtype, sizeOf(shape), spread) };
}

/** An operand with given values, one-dimensional. */
export function row(dtype: DType, data: readonly number[]): Input {
  return { dtype, shape: [data.length], data };
}
