import { DTypeError } from '../native/errors';

/** Element type of a tensor. `bf16` and `f16` (IEEE 754 binary16) are stored as their 16 bits, `bool` as one byte, 0 or 1. */
export type DType = 'f32' | 'bf16' | 'i32' | 'i8' | 'u8' | 'bool' | 'f16';

/**
 * Where a tensor lives: `cpu` is the native addon, `reference` is float64 in TypeScript, `cuda` the first GPU, `cuda:1` the next.
 * `cuda-sim` runs the kernels of `cuda` on the CPU, slowly, for tests.
 */
export type DeviceName = 'cpu' | 'reference' | 'cuda' | `cuda:${number}` | 'cuda-sim';

/** Arrays that hold elements. `f32` is a Float64Array on `reference` and a Float32Array elsewhere. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Int8Array | Uint8Array | Uint16Array;

/** All dtypes, in the order of their codes in a record. */
export const dtypes: readonly DType[] = ['f32', 'bf16', 'i32', 'i8', 'u8', 'bool', 'f16'];

/** Whether a device has that name; it need not be present. */
export function isDeviceName(name: unknown): name is DeviceName {
  return typeof name === 'string' && /^(cpu|reference|cuda|cuda:[1-9]\d{0,2}|cuda-sim)$/.test(name);
}

const bytesOf: Record<DType, number> = { f32: 4, bf16: 2, i32: 4, i8: 1, u8: 1, bool: 1, f16: 2 };
const codes: Record<DType, number> = { f32: 0, bf16: 1, i32: 2, i8: 3, u8: 4, bool: 5, f16: 6 };

/** Bytes of one element on every device but `reference`. */
export function dtypeBytes(dtype: DType): number {
  return bytesOf[dtype];
}

/** Code of a dtype in a record. */
export function dtypeCode(dtype: DType): number {
  return codes[dtype];
}

/** Throws unless `dtype` is one of {@link dtypes}. */
export function checkDType(where: string, dtype: unknown): asserts dtype is DType {
  if (!dtypes.includes(dtype as DType)) {
    throw new DTypeError(`expected a dtype among ${dtypes.join(', ')}, received ${String(dtype)}.`, { op: where });
  }
}

/** Smallest and largest value of the integer dtypes. */
export const integerRange: Partial<Record<DType, readonly [number, number]>> = {
  i32: [-2147483648, 2147483647],
  i8: [-128, 127],
  u8: [0, 255],
};

const scratch = new DataView(new ArrayBuffer(8));

/** The value of a bfloat16 given as its 16 bits. */
export function bf16ToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** The values of bfloat16 bits, exact. */
export function bf16ToFloat32(bits: ArrayLike<number>): Float32Array {
  const codes = new Uint32Array(bits.length);
  for (let i = 0; i < codes.length; i++) codes[i] = bits[i] << 16;
  return new Float32Array(codes.buffer);
}

/** The bits of the bfloat16 nearest to `value`: first rounded to float32, then to nearest even; NaN stays NaN. */
export function numberToBf16(value: number): number {
  scratch.setFloat32(0, value);
  const u = scratch.getUint32(0);
  if ((u & 0x7fffffff) > 0x7f800000) return (u >>> 16) | 0x40;
  return ((u + 0x7fff + ((u >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The value of a binary16 given as its bits, exact. */
export function f16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bits of the binary16 nearest to `value`, ties to even: infinity from 65520 on, NaN stays NaN. */
export function numberToF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  scratch.setFloat64(0, value);
  const sign = (scratch.getUint32(0) >>> 16) & 0x8000;
  const a = Math.abs(value);
  if (a >= 65520) return sign | 0x7c00;
  const exponent = a < 2 ** -14 ? -14 : ((scratch.getUint32(0) >>> 20) & 2047) - 1023;
  const whole = 2 ** 52; // adding it rounds to a whole number
  return sign | (a * 2 ** (10 - exponent) + whole - whole + (exponent + 14) * 1024);
}

// What is stored as bits, and how.
const asIs = (x: number): number => x;
const decoders: Partial<Record<DType, (bits: number) => number>> = { bf16: bf16ToNumber, f16: f16ToNumber };
const encoders: Partial<Record<DType, (value: number) => number>> = { bf16: numberToBf16, f16: numberToF16 };

/** How a stored element of a dtype is read as a number. */
export function decoderOf(dtype: DType): (stored: number) => number {
  return decoders[dtype] ?? asIs;
}

/** How a number is stored as an element of a float dtype. */
export function encoderOf(dtype: DType): (value: number) => number {
  return encoders[dtype] ?? asIs;
}

/** Whether the elements are floating-point numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'bf16' || dtype === 'f16';
}

/** A typed array of `length` elements that views `buffer` from `byteOffset`, as `cpu` stores `dtype`. */
export function typedView(dtype: DType, buffer: ArrayBuffer, byteOffset: number, length: number): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, byteOffset, length);
    case 'bf16':
    case 'f16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'i32':
      return new Int32Array(buffer, byteOffset, length);
    case 'i8':
      return new Int8Array(buffer, byteOffset, length);
    default:
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** A zeroed typed array as `device` stores `dtype`. */
export function typedZeros(dtype: DType, device: DeviceName, length: number): TypedArray {
  if (dtype === 'f32') return device === 'reference' ? new Float64Array(length) : new Float32Array(length);
  return typedView(dtype, new ArrayBuffer(length * bytesOf[dtype]), 0, length);
}
