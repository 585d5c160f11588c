import { inspect } from 'node:util';

import { checkOptions } from '../native/options';
import { DisposedError, DTypeError, ShapeError } from '../native/errors';
import type { DeviceName, DType, TypedArray } from './dtype';
import { decoderOf, dtypeBytes } from './dtype';
import { formatTensor, type FormatOptions } from './print';
import { isContiguous, readElements, readExtent } from './read';
import { contiguousStrides, sizeOf, shapeText } from './shape';
import { track } from './scope';
import type { Storage } from './storage';

/** Numbers in nested arrays, as `toArray()` gives them; a plain number (or boolean) for zero dimensions. */
export type NestedNumbers = number | boolean | NestedNumbers[];

/**
 * An immutable n-dimensional array.
 *
 * Views (`slice`, `transpose`, `reshape`, …) share memory with the tensor they come from. Memory is freed when the last
 * tensor over it is disposed or collected; `scope()` and `dispose()` make that prompt. The collector can only give memory
 * back between turns of the event loop, so a long synchronous loop needs a `scope()` around each round.
 */
export class Tensor {
  /** Size of each dimension. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Distance in elements between neighbours along each dimension. */
  readonly strides: readonly number[];
  /** Elements between the start of the memory and the first element. */
  readonly offset: number;
  /** Memory behind the tensor; for the library's own use. */
  readonly storage: Storage;
  #disposed = false;

  /** For the library's own use: see `tensor()`, `zeros()` and the like. */
  constructor(storage: Storage, dtype: DType, shape: readonly number[], strides?: readonly number[], offset = 0) {
    this.storage = storage;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides ?? contiguousStrides(shape);
    this.offset = offset;
    storage.retain();
    track(this);
  }

  get device(): DeviceName {
    return this.storage.device;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Bytes of the elements as `cpu` stores them. */
  get bytes(): number {
    return this.size * dtypeBytes(this.dtype);
  }

  /** Whether the elements lie one after the other, row-major. */
  get isContiguous(): boolean {
    return isContiguous(this.shape, this.strides);
  }

  /** Whether `dispose()` was called, or the memory is gone. */
  get disposed(): boolean {
    return this.#disposed || this.storage.disposed;
  }

  /**
   * The elements, row-major: a view of the memory without a copy when the tensor is contiguous, else a copy; always a copy from a GPU.
   *
   * `f32` gives a Float64Array on `reference` and a Float32Array elsewhere; `bf16` and `f16` their 16-bit codes; `bool` bytes 0 and 1.
   * A view reads as empty after the tensor was disposed. Do not write to it.
   *
   * @throws DisposedError after dispose, CaptureError while a program is captured
   */
  data(): TypedArray {
    this.checkAlive('data');
    return readElements(this.storage, this);
  }

  /** A fresh Float64Array with the values, row-major; `bf16` and `f16` are decoded, `bool` is 0 and 1. */
  toFloat64Array(): Float64Array {
    return Float64Array.from(this.data(), decoderOf(this.dtype));
  }

  /** The values as nested arrays of numbers (`bool`: booleans). */
  toArray(): NestedNumbers {
    const values = this.toFloat64Array();
    const asBool = this.dtype === 'bool';
    let at = 0;
    const build = (dim: number): NestedNumbers => {
      if (dim === this.shape.length) return asBool ? values[at++] !== 0 : values[at++];
      return Array.from({ length: this.shape[dim] }, () => build(dim + 1));
    };
    return build(0);
  }

  /**
   * The only element as a number.
   *
   * @throws ShapeError unless there is exactly one element
   */
  item(): number {
    this.checkAlive('item');
    if (this.size !== 1) {
      throw new ShapeError(
        `expected a tensor with one element, received shape ${shapeText(this.shape)}. Index it first.`,
        { op: 'item' },
      );
    }
    return this.toFloat64Array()[0];
  }

  /** Frees the memory if no other tensor shares it. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.storage.release();
  }

  /** Throws DisposedError if the tensor was disposed. */
  checkAlive(op: string): void {
    if (this.disposed) {
      throw new DisposedError(
        `expected a live tensor, received one of shape ${shapeText(this.shape)} that was disposed. Keep it with keep() or create it again.`,
        { op },
      );
    }
  }

  /** A tensor over the same memory with another shape, strides and offset; for the library's own use. */
  view(shape: readonly number[], strides: readonly number[], offset: number): Tensor {
    this.checkAlive('view');
    return new Tensor(this.storage, this.dtype, shape, strides, offset);
  }

  /** NumPy-like text. @param options precision (digits, default 4), threshold (elements before summarising, default 1000), edgeItems (default 3) */
  toString(options: FormatOptions = {}): string {
    checkOptions('toString', options, ['precision', 'threshold', 'edgeItems']);
    this.checkAlive('toString');
    return formatTensor(this, readExtent(this.storage, this), options);
  }

  [inspect.custom](): string {
    if (this.disposed) return `Tensor(disposed, shape=${shapeText(this.shape)}, ${this.dtype})`;
    return this.toString();
  }
}

/** Throws DTypeError unless `x` has one of the dtypes. */
export function expectDType(op: string, what: string, x: { dtype: DType }, ...allowed: DType[]): void {
  if (!allowed.includes(x.dtype)) {
    throw new DTypeError(
      `expected ${what} of dtype ${allowed.join(' or ')}, received ${x.dtype}. Convert it with cast().`,
      { op },
    );
  }
}
