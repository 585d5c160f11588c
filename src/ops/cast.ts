import type { DType } from '../tensor/dtype';
import { checkDType, decoderOf, dtypes, encoderOf, integerRange } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { callOne } from './dispatch';
import { floatEdges, intEdges, row, sample } from './case-data';
import type { OpDef } from './schema';
import { touch } from './schema';

/** The value of a whole-number dtype nearest to `v` toward zero; NaN gives 0. */
function toWhole(v: number, [lo, hi]: readonly [number, number]): number {
  return Number.isNaN(v) ? 0 : Math.trunc(Math.min(Math.max(v, lo), hi));
}

// Ties, subnormal numbers and the largest of binary16.
const halfEdges: readonly number[] = [
  1 + 2 ** -11,
  1 + 3 * 2 ** -11,
  1 + 2 ** -11 + 2 ** -23,
  2048.5,
  2049,
  2 ** -14,
  2 ** -14 - 2 ** -25,
  3 * 2 ** -25,
  2 ** -24,
  2 ** -25,
  2 ** -25 + 2 ** -40,
  -(2 ** -26),
  65504,
  65519.99,
  -65520,
  65535,
];

/** `cast`: every dtype to every dtype; see {@link cast}. */
export const castDef: OpDef<{ dtype: DType }> = {
  name: 'cast',
  infer([x], { dtype }) {
    checkDType('cast', dtype);
    return [{ shape: x.shape, dtype }];
  },
  reference([x], { dtype }, [y]) {
    const range = integerRange[dtype];
    const decode = decoderOf(x.dtype);
    const encode = encoderOf(dtype);
    for (let i = 0; i < y.data.length; i++) {
      const v = decode(x.data[i]);
      y.data[i] = range !== undefined ? toWhole(v, range) : dtype === 'bool' ? Number(v !== 0) : encode(v);
    }
  },
  cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { rel: 2 ** -24, why: 'i32 to f32 rounds once, half an ulp; every other pair is exact' },
  strided: true,
  cases: () =>
    dtypes.flatMap((dtype) => [
      ...(['f32', 'bf16', 'f16'] as const).map((from) => ({
        name: `${from} edges to ${dtype}`,
        inputs: [row(from, floatEdges)],
        attrs: { dtype },
      })),
      { name: `halves of f16 to ${dtype}`, inputs: [row('f32', halfEdges)], attrs: { dtype } },
      { name: `i32 edges to ${dtype}`, inputs: [row('i32', intEdges)], attrs: { dtype } },
      { name: `i8 to ${dtype}`, inputs: [sample('i8', [3, 701], 128)], attrs: { dtype } },
      { name: `u8 to ${dtype}`, inputs: [sample('u8', [33], 256)], attrs: { dtype } },
      { name: `bool to ${dtype}`, inputs: [sample('bool', [5])], attrs: { dtype } },
      { name: `empty to ${dtype}`, inputs: [sample('f32', [0])], attrs: { dtype } },
    ]),
};

/**
 * `x` as another dtype; `x` itself if it has that dtype.
 *
 * To a whole-number dtype: toward zero, values out of range become its smallest or largest, NaN becomes 0. To `bool`: whether
 * the value is not 0 (NaN counts as true). To `bf16`, to `f16` (infinity from 65520 on) and from i32 to `f32`: to nearest, ties to even.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  x.checkAlive('cast');
  return x.dtype === dtype ? x : callOne(castDef, [x], { dtype });
}
