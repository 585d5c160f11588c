import { type Addon, guarded, native } from '../native/addon';
import { deviceNumber } from '../native/devices';
import { CaptureError, DisposedError } from '../native/errors';
import type { DeviceName, DType, TypedArray } from './dtype';
import { dtypeBytes, typedView, typedZeros } from './dtype';

/** What the bytes of a storage mean when they are not plain row-major elements. */
export interface StorageLayout {
  readonly kind: 'ternary';
  readonly rows: number;
  readonly cols: number;
}

/** Memory behind one or more tensors. Counted: freed when the last tensor is disposed, or when it is collected. */
export interface Storage {
  readonly device: DeviceName;
  readonly bytes: number;
  readonly disposed: boolean;
  /** Set on packed weights, whose order of bits belongs to the target. */
  layout?: StorageLayout;
  retain(): void;
  release(): void;
  /** Elements `[offset, offset + length)` as a typed array over the memory itself; a copy of them on a GPU. */
  elements(dtype: DType, offset: number, length: number): TypedArray;
  /** Overwrites elements from `offset` on with values as the device stores them. */
  write(dtype: DType, offset: number, values: TypedArray): void;
  /** Overwrites elements from `to` on with those of a storage of the same device, from `from` on. */
  copyFrom(source: Storage, dtype: DType, from: number, to: number, length: number): void;
  /** Id of the native buffer, and bytes from its start: what a record needs. */
  address(): { id: number; byteOffset: number };
}

function gone(): DisposedError {
  return new DisposedError(
    'expected a live tensor, received one that was disposed. Keep it with keep() or create it again.',
    {
      op: 'tensor',
    },
  );
}

interface Held {
  readonly id: number;
  readonly addon: Addon;
}

const collected = new FinalizationRegistry<Held>((held) => held.addon.free(held.id));

/** Memory of the addon: of the CPU, or of a GPU, where elements are copied to and fro. */
export class NativeStorage implements Storage {
  layout?: StorageLayout;
  #refs = 0;
  #held: Held | undefined;
  #view: ArrayBuffer | undefined;

  /**
   * @param bytes size; the memory starts zeroed
   * @param file where the bytes of a `cpu` storage lie instead: they are mapped, and ops refuse to write to them
   */
  constructor(
    readonly bytes: number,
    readonly device: DeviceName = 'cpu',
    file?: { readonly path: string; readonly offset: number },
  ) {
    const addon = native();
    const number = deviceNumber(device);
    const id = guarded(() =>
      file === undefined ? addon.alloc(bytes, number) : addon.mapFile(file.path, file.offset, bytes),
    );
    this.#held = { id, addon };
    collected.register(this, this.#held, this);
  }

  get disposed(): boolean {
    return this.#held === undefined;
  }

  retain(): void {
    this.#refs++;
  }

  release(): void {
    if (--this.#refs > 0 || this.#held === undefined) return;
    collected.unregister(this);
    // A typed array that someone still holds must read as empty, not as freed memory.
    if (this.#view !== undefined) this.#held.addon.detach(this.#view);
    this.#held.addon.free(this.#held.id);
    this.#held = undefined;
    this.#view = undefined;
  }

  elements(dtype: DType, offset: number, length: number): TypedArray {
    const { addon, id } = this.#live();
    const width = dtypeBytes(dtype);
    if (this.device !== 'cpu') {
      const copy = guarded(() => addon.download(id, offset * width, length * width));
      return typedView(dtype, copy, 0, length);
    }
    this.#view ??= guarded(() => addon.view(id));
    return typedView(dtype, this.#view, offset * width, length);
  }

  write(dtype: DType, offset: number, values: TypedArray): void {
    if (this.device === 'cpu') return this.elements(dtype, offset, values.length).set(values);
    const { addon, id } = this.#live();
    const plain = typedZeros(dtype, this.device, 0);
    const same = plain.constructor === values.constructor ? values : typedZeros(dtype, this.device, values.length);
    if (same !== values) same.set(values);
    guarded(() => addon.upload(id, offset * dtypeBytes(dtype), same));
  }

  copyFrom(source: Storage, dtype: DType, from: number, to: number, length: number): void {
    const { addon, id } = this.#live();
    const width = dtypeBytes(dtype);
    const { id: sourceId, byteOffset } = source.address();
    guarded(() => addon.moveBytes(sourceId, byteOffset + from * width, id, to * width, length * width));
  }

  address(): { id: number; byteOffset: number } {
    return { id: this.#live().id, byteOffset: 0 };
  }

  #live(): Held {
    if (this.#held === undefined) throw gone();
    return this.#held;
  }
}

/** Memory of the reference device: one typed array, float64 for `f32`. */
export class ReferenceStorage implements Storage {
  readonly device = 'reference';
  readonly bytes: number;
  layout?: StorageLayout;
  #refs = 0;
  #data: TypedArray | undefined;

  constructor(dtype: DType, length: number) {
    this.#data = typedZeros(dtype, 'reference', length);
    this.bytes = this.#data.byteLength;
  }

  get disposed(): boolean {
    return this.#data === undefined;
  }

  retain(): void {
    this.#refs++;
  }

  release(): void {
    if (--this.#refs <= 0) this.#data = undefined;
  }

  elements(_dtype: DType, offset: number, length: number): TypedArray {
    if (this.#data === undefined) throw gone();
    return this.#data.subarray(offset, offset + length);
  }

  write(dtype: DType, offset: number, values: TypedArray): void {
    this.elements(dtype, offset, values.length).set(values);
  }

  copyFrom(source: Storage, dtype: DType, from: number, to: number, length: number): void {
    this.elements(dtype, to, length).set(source.elements(dtype, from, length));
  }

  address(): { id: number; byteOffset: number } {
    throw new CaptureError(
      'expected a tensor of a native device, received one on "reference". Move it with to("cpu").',
      {
        op: 'tensor',
      },
    );
  }
}

/** Memory of a value inside a program that is being captured: it gets its place when the program is planned. */
export class VirtualStorage implements Storage {
  layout?: StorageLayout;
  #place: { storage: Storage; byteOffset: number } | undefined;
  /** Whether the program promised to keep the value readable after a step. */
  readable = false;

  constructor(
    readonly device: DeviceName,
    readonly bytes: number,
    /** Name of the op that makes the value, for error texts. */
    readonly madeBy: string,
  ) {}

  get disposed(): boolean {
    return this.#place?.storage.disposed ?? false;
  }

  /** Where the value lives; undefined while the program is being captured. */
  get place(): { storage: Storage; byteOffset: number } | undefined {
    return this.#place;
  }

  /** Gives the value its memory. */
  bind(storage: Storage, byteOffset: number): void {
    this.#place = { storage, byteOffset };
  }

  retain(): void {
    // The program owns the memory.
  }

  release(): void {
    // The program owns the memory.
  }

  elements(dtype: DType, offset: number, length: number): TypedArray {
    if (this.#place === undefined) {
      throw new CaptureError(
        `expected tensor operations only while a program is captured, received a read of the result of "${this.madeBy}". ` +
          'Return the tensor from the captured function and read it after step(), or run eagerly.',
        { op: 'capture' },
      );
    }
    if (!this.readable) {
      throw new CaptureError(
        `expected an output of the program, received a read of the temporary result of "${this.madeBy}". ` +
          'Return the tensor from the captured function so that its memory is kept.',
        { op: 'capture' },
      );
    }
    const { storage, byteOffset } = this.#place;
    return storage.elements(dtype, offset + byteOffset / dtypeBytes(dtype), length);
  }

  write(): void {
    throw this.#unwritable();
  }

  copyFrom(): void {
    throw this.#unwritable();
  }

  #unwritable(): CaptureError {
    return new CaptureError(`expected memory of its own to write to, received the result of "${this.madeBy}".`, {
      op: 'capture',
    });
  }

  address(): { id: number; byteOffset: number } {
    if (this.#place === undefined) {
      throw new CaptureError('expected a planned value, received one whose program is still being captured.', {
        op: 'capture',
      });
    }
    const at = this.#place.storage.address();
    return { id: at.id, byteOffset: at.byteOffset + this.#place.byteOffset };
  }
}
