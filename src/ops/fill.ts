import type { DeviceName, DType } from '../tensor/dtype';
import { checkDType, dtypes } from '../tensor/dtype';
import { empty } from '../tensor/create';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { castDef } from './cast';
import { runNative, runReference } from './dispatch';
import type { OpDef } from './schema';
import { touch } from './schema';

/** `fill`: every element one value, converted as by `cast`. */
export const fillDef: OpDef<{ shape: readonly number[]; dtype: DType; value: number }> = {
  name: 'fill',
  infer(_inputs, { shape, dtype }) {
    checkDType('fill', dtype);
    return [{ shape, dtype }];
  },
  encode: ({ value }) => [value],
  reference(_inputs, { value, dtype }, [y]) {
    const one = { dtype: 'f32', shape: [1], data: Float64Array.of(value) } as const;
    for (let i = 0; i < y.data.length; i++)
      castDef.reference([one], { dtype }, [{ ...y, data: y.data.subarray(i, i + 1) }]);
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { rel: 2 ** -24, why: 'the value is rounded to float32' },
  cases: () => [
    ...dtypes.flatMap((dtype) =>
      [0, 1, -3.7, 300, NaN].map((value) => ({
        name: `${dtype} of ${value}`,
        inputs: [],
        attrs: { shape: [3, 701], dtype, value },
      })),
    ),
    { name: 'no dimensions', inputs: [], attrs: { shape: [], dtype: 'f32', value: 0.1 } },
    { name: 'empty', inputs: [], attrs: { shape: [0], dtype: 'i32', value: 1 } },
  ],
};

/** A constant without dimensions, made at once even while a program is captured; cheaper than `full()`, which opens its memory. */
export function constant(value: number, dtype: DType, device: DeviceName): Tensor {
  const y = empty([], dtype, device);
  const run = device === 'reference' ? runReference : runNative;
  run(fillDef, [], { shape: [], dtype, value }, [y]);
  return y;
}
