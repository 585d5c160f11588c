import { DTypeError, DeviceError, OptionError, ShapeError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import type { DeviceName, DType, TypedArray } from './dtype';
import { checkDType, dtypeBytes, encoderOf, integerRange, isDeviceName, typedZeros } from './dtype';
import { checkShape, shapeText, sizeOf } from './shape';
import { NativeStorage, ReferenceStorage } from './storage';
import { Tensor } from './tensor';

/** Where and as what a new tensor is made. */
export interface CreateOptions {
  /** Element type. Default: see each function. */
  dtype?: DType;
  /** Device. Default `cpu`. */
  device?: DeviceName;
}

/** Numbers, booleans, nested arrays of them, or a typed array. */
export type TensorData = number | boolean | readonly TensorData[] | TypedArray;

const optionNames = ['dtype', 'device'] as const;

/** An uninitialised (zeroed) tensor; the way ops get their outputs. */
export function empty(shape: readonly number[], dtype: DType, device: DeviceName): Tensor {
  const storage =
    device === 'reference'
      ? new ReferenceStorage(dtype, sizeOf(shape))
      : new NativeStorage(sizeOf(shape) * dtypeBytes(dtype), device);
  return new Tensor(storage, dtype, shape);
}

/** Throws DeviceError unless `device` is known. */
export function checkDevice(where: string, device: unknown): asserts device is DeviceName {
  if (!isDeviceName(device)) {
    throw new DeviceError(
      `expected a device among cpu, cuda, cuda:1 and so on, reference, received ${describe(device)}.`,
      {
        op: where,
      },
    );
  }
}

function resolve(where: string, options: CreateOptions, fallback: DType): { dtype: DType; device: DeviceName } {
  const { dtype = fallback, device = 'cpu' } = options;
  checkDType(where, dtype);
  checkDevice(where, device);
  return { dtype, device };
}

// Writes `values` into a new tensor, refusing what the dtype cannot hold.
function fill(
  where: string,
  shape: readonly number[],
  dtype: DType,
  device: DeviceName,
  values: ArrayLike<number>,
): Tensor {
  const data = typedZeros(dtype, device, values.length);
  const range = integerRange[dtype];
  const encode = encoderOf(dtype);
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (dtype === 'bool') data[i] = v !== 0 ? 1 : 0;
    else if (range !== undefined && !(Number.isInteger(v) && v >= range[0] && v <= range[1])) {
      throw new DTypeError(
        `expected whole numbers from ${range[0]} to ${range[1]} for ${dtype}, received ${v} at element ${i}. Round or clamp the values, or choose another dtype.`,
        { op: where },
      );
    } else data[i] = encode(v);
  }
  return made(shape, dtype, device, data);
}

// A tensor with these elements, as its device stores them.
function made(shape: readonly number[], dtype: DType, device: DeviceName, data: TypedArray): Tensor {
  const out = empty(shape, dtype, device);
  out.storage.write(dtype, 0, data);
  return out;
}

/**
 * A tensor from numbers, booleans, nested arrays or a typed array; the data is copied.
 *
 * Default dtype: `bool` for booleans, the dtype of an Int32Array, Int8Array or Uint8Array, else `f32` (a Float64Array is
 * rounded to float32 on `cpu`; a Uint16Array has no default, say `bf16` or `f16` to read it as bits).
 *
 * @param options dtype, device, and `shape` for a flat array
 * @throws ShapeError for ragged arrays, DTypeError for values that the dtype cannot hold or that are no numbers
 */
export function tensor(data: TensorData, options: CreateOptions & { shape?: readonly number[] } = {}): Tensor {
  checkOptions('tensor', options, [...optionNames, 'shape']);
  if (ArrayBuffer.isView(data)) return fromTypedArray(data as TypedArray, options);
  const flat: number[] = [];
  const found = { bool: false, number: false };
  const shape = flatten(data, flat, found, 0);
  const { dtype, device } = resolve('tensor', options, found.bool && !found.number ? 'bool' : 'f32');
  return fill('tensor', reshaped('tensor', flat.length, shape, options.shape), dtype, device, flat);
}

function reshaped(
  where: string,
  count: number,
  found: readonly number[],
  asked: readonly number[] | undefined,
): readonly number[] {
  const shape = asked ?? found;
  checkShape(where, shape);
  if (sizeOf(shape) !== count) {
    throw new ShapeError(`expected ${sizeOf(shape)} elements for shape ${shapeText(shape)}, received ${count}.`, {
      op: where,
    });
  }
  return [...shape];
}

function flatten(data: TensorData, flat: number[], found: { bool: boolean; number: boolean }, depth: number): number[] {
  if (typeof data === 'number' || typeof data === 'boolean') {
    found[typeof data === 'number' ? 'number' : 'bool'] = true;
    flat.push(Number(data));
    return [];
  }
  if (depth > 32) throw new ShapeError('expected at most 6 nested arrays.', { op: 'tensor' });
  if (ArrayBuffer.isView(data)) {
    found.number = true;
    for (const v of data as TypedArray) flat.push(v);
    return [(data as TypedArray).length];
  }
  if (!Array.isArray(data)) {
    throw new DTypeError(`expected numbers, booleans or nested arrays of them, received ${describe(data)}.`, {
      op: 'tensor',
    });
  }
  let inner: number[] | undefined;
  for (const item of data as readonly TensorData[]) {
    const shape = flatten(item, flat, found, depth + 1);
    if (inner !== undefined && String(inner) !== String(shape)) {
      throw new ShapeError(
        `expected rows of the same shape, received ${shapeText(inner)} and ${shapeText(shape)}. Pad the shorter rows.`,
        { op: 'tensor' },
      );
    }
    inner = shape;
  }
  return [data.length, ...(inner ?? [])];
}

const defaults: Record<string, DType> = {
  Float32Array: 'f32',
  Float64Array: 'f32',
  Int32Array: 'i32',
  Int8Array: 'i8',
  Uint8Array: 'u8',
  Uint8ClampedArray: 'u8',
};

/** A tensor with a copy of a typed array; see {@link tensor} for the default dtype. `bf16` and `f16` take a Uint16Array as raw bits. */
export function fromTypedArray(data: TypedArray, options: CreateOptions & { shape?: readonly number[] } = {}): Tensor {
  checkOptions('fromTypedArray', options, [...optionNames, 'shape']);
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  const numeric = ArrayBuffer.isView(data) && !/^(Big|DataView)/.test(kind);
  const fallback = defaults[kind] ?? (options.dtype === undefined ? undefined : 'f32');
  if (!numeric || fallback === undefined) {
    throw new DTypeError(
      `expected a Float32Array, Float64Array, Int32Array, Int8Array or Uint8Array, received ${kind}. Name the dtype in the options.`,
      { op: 'fromTypedArray' },
    );
  }
  const { dtype, device } = resolve('fromTypedArray', options, fallback);
  const shape = reshaped('fromTypedArray', data.length, [data.length], options.shape);
  if ((dtype === 'bf16' || dtype === 'f16') && kind === 'Uint16Array') {
    return made(shape, dtype, device, data);
  }
  return fill('fromTypedArray', shape, dtype, device, data);
}

/** Every element `value`. Default dtype `f32`, or `bool` for a boolean. */
export function full(shape: readonly number[], value: number | boolean, options: CreateOptions = {}): Tensor {
  checkOptions('full', options, optionNames);
  checkShape('full', shape);
  const { dtype, device } = resolve('full', options, typeof value === 'boolean' ? 'bool' : 'f32');
  const one = fill('full', [1], dtype, device, [Number(value)]);
  const data = typedZeros(dtype, device, sizeOf(shape)).fill(one.data()[0]);
  one.dispose();
  return made([...shape], dtype, device, data);
}

/** Zeros. Default dtype `f32`. */
export function zeros(shape: readonly number[], options: CreateOptions = {}): Tensor {
  checkOptions('zeros', options, optionNames);
  checkShape('zeros', shape);
  const { dtype, device } = resolve('zeros', options, 'f32');
  return empty([...shape], dtype, device);
}

/** Ones. Default dtype `f32`. */
export function ones(shape: readonly number[], options: CreateOptions = {}): Tensor {
  return full(shape, 1, options);
}

/** `start, start + step, …` below `stop` (above it for a negative step). Default dtype `i32` when all are whole, else `f32`. */
export function arange(start: number, stop?: number, step = 1, options: CreateOptions = {}): Tensor {
  checkOptions('arange', options, optionNames);
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!Number.isFinite(count) || step === 0) {
    throw new OptionError(`expected finite bounds and a step other than 0, received ${from}, ${to}, ${step}.`, {
      op: 'arange',
    });
  }
  checkShape('arange', [count]);
  const whole = Number.isInteger(from) && Number.isInteger(step);
  const { dtype, device } = resolve('arange', options, whole ? 'i32' : 'f32');
  return fill(
    'arange',
    [count],
    dtype,
    device,
    Float64Array.from({ length: count }, (_, i) => from + i * step),
  );
}

/** `count` evenly spaced values from `start` to `stop`, both included. Dtype `f32`. */
export function linspace(start: number, stop: number, count: number, options: CreateOptions = {}): Tensor {
  checkOptions('linspace', options, optionNames);
  checkShape('linspace', [count]);
  const { dtype, device } = resolve('linspace', options, 'f32');
  const at = (i: number): number =>
    i === count - 1 && count > 1 ? stop : start + ((stop - start) * i) / Math.max(count - 1, 1);
  return fill(
    'linspace',
    [count],
    dtype,
    device,
    Float64Array.from({ length: count }, (_, i) => at(i)),
  );
}

/** The identity matrix, `[n, m]` (m defaults to n). Default dtype `f32`. */
export function eye(n: number, m: number = n, options: CreateOptions = {}): Tensor {
  checkOptions('eye', options, optionNames);
  checkShape('eye', [n, m]);
  const { dtype, device } = resolve('eye', options, 'f32');
  const data = typedZeros(dtype, device, n * m);
  const one = encoderOf(dtype)(1);
  for (let i = 0; i < Math.min(n, m); i++) data[i * m + i] = one;
  return made([n, m], dtype, device, data);
}
