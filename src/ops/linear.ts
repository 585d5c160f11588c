import { bf16ToFloat32 } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { noise } from './case-data';
import { callOne } from './dispatch';
import { expectShape } from './expect';
import type { OpCase, OpDef } from './schema';
import { touch } from './schema';

const sample = (t: number, n: number, k: number, dtype: 'bf16' | 'f32'): OpCase<Record<string, never>> => ({
  name: `${t} x ${k} times ${n} x ${k}, ${dtype}`,
  inputs: [
    { dtype: 'f32', shape: [t, k], data: noise(t * k, t) },
    { dtype, shape: [n, k], data: noise(n * k, n + 7) },
  ],
  attrs: {},
});

/** `linear`: `x · weightᵀ`. f32 `[T, K]` and bf16 or f32 `[N, K]` to f32 `[T, N]`. */
export const linearDef: OpDef = {
  name: 'linear',
  infer([x, weight]) {
    expectDType('linear', 'the input', x, 'f32');
    expectDType('linear', 'the weight', weight, 'bf16', 'f32');
    expectShape('linear', 'the input', x, [-1, -1]);
    expectShape('linear', 'the weight', weight, [-1, x.shape[1]]);
    return [{ shape: [x.shape[0], weight.shape[0]], dtype: 'f32' }];
  },
  reference([x, weight], _attrs, [y]) {
    const [T, K] = x.shape;
    const N = weight.shape[0];
    const w = weight.dtype === 'bf16' ? bf16ToFloat32(weight.data) : weight.data;
    for (let t = 0; t < T; t++) {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += x.data[t * K + k] * w[n * K + k];
        y.data[t * N + n] = sum;
      }
    }
  },
  cost: (inputs, outputs) => ({
    ops: 2 * sizeOf(outputs[0].shape) * inputs[0].shape[1],
    bytes: touch(inputs, outputs),
  }),
  tolerance: {
    rel: 1e-5,
    abs: 1e-6,
    why: 'K / 16 + 5 roundings on the way of each product, at most (K / 16 + 5) * 2^-24 * sum |x w|: 1e-5 of that sum at K 2560; rounding errors of random sign stay far below, as the sum does below sum |x w|',
  },
  cases: () => [
    ...[1, 2, 3, 5].map((t) => sample(t, 6, 37, 'bf16')),
    ...[1, 2, 7].map((t) => sample(t, 5, 64, 'f32')),
    sample(1, 1, 1, 'bf16'),
    sample(1, 9, 2560, 'bf16'),
    sample(2, 0, 16, 'bf16'),
    sample(0, 4, 16, 'f32'),
    sample(2, 4, 0, 'f32'),
  ],
};

/** `x · weightᵀ`: f32 `[T, K]` and bf16 or f32 `[N, K]` to f32 `[T, N]`. */
export function linear(x: Tensor, weight: Tensor): Tensor {
  return callOne(linearDef, [x, weight], {});
}
