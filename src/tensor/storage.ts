import { type Addon, guarded, native } from '../native/addon';
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
  /** Elements `[offset, offset + length)` as a typed array over the memory itself. */
  elements(dtype: DType, offset: number, length: number): TypedArray;
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

/** Native memory. */
export class CpuStorage implements Storage {
  readonly device = 'cpu';
  layout?: StorageLayout;
  #refs = 0;
  #held: Held | undefined;
  #view: ArrayBuffer | undefined;

  /**
   * @param bytes size; the memory starts zeroed
   * @param file where the bytes lie instead: they are mapped, and ops refuse to write to them
   */
  constructor(
    readonly bytes: number,
    file?: { readonly path: string; readonly offset: number },
  ) {
    const addon = native();
    const id = guarded(() => (file === undefined ? addon.alloc(bytes) : addon.mapFile(file.path, file.offset, bytes)));
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
    if (this.#held === undefined) throw gone();
    const { addon, id } = this.#held;
    this.#view ??= guarded(() => addon.view(id));
    return typedView(dtype, this.#view, offset * dtypeBytes(dtype), length);
  }

  address(): { id: number; byteOffset: number } {
    if (this.#held === undefined) throw gone();
    return { id: this.#held.id, byteOffset: 0 };
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

  address(): { id: number; byteOffset: number } {
    throw new CaptureError('expected a tensor on "cpu", received one on "reference". Move it with to("cpu").', {
      op: 'tensor',
    });
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
