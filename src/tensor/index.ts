/** Tensors: what they are, how they are made, read, moved and given back. */
export { arange, eye, fromTypedArray, full, linspace, ones, tensor, zeros } from './create';
export type { CreateOptions, TensorData } from './create';
export { bf16ToNumber, isDeviceName, dtypes, f16ToNumber, numberToBf16, numberToF16 } from './dtype';
export type { DeviceName, DType, TypedArray } from './dtype';
export type { FormatOptions } from './print';
export { keep, scope } from './scope';
export type { Disposable } from './scope';
export { Tensor } from './tensor';
export type { NestedNumbers } from './tensor';
export { Ternary } from './ternary';
