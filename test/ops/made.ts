import { noise } from '../../src/ops/case-data';
import { tensor } from '../../src/tensor/create';
import { sizeOf } from '../../src/tensor/shape';
import type { Tensor } from '../../src/tensor/tensor';

/** Numbers from -1 to 1, the same for the same seed. */
export function floats(shape: readonly number[], seed: number): Tensor {
  return tensor(Float32Array.from(noise(sizeOf(shape), seed)), { shape });
}

/** i32 `[n]` */
export function ints(...data: number[]): Tensor {
  return tensor(Int32Array.from(data));
}

/** The bytes of the elements, to compare. */
export function bits(x: Tensor): string {
  return Buffer.from(x.data().slice().buffer).toString('hex');
}
