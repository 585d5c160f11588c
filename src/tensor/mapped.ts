import { guardedAsync, native } from '../native/addon';
import { OptionError } from '../native/errors';
import { empty } from './create';
import type { DType } from './dtype';
import { dtypeBytes } from './dtype';
import { sizeOf } from './shape';
import { NativeStorage } from './storage';
import { Tensor } from './tensor';

/**
 * A `cpu` tensor over a range of a file: nothing is read until it is used, and only touched pages take memory. Ops refuse to
 * write to it. The file may be deleted or replaced by renaming while it is mapped; when it is cut short, the run that meets the
 * missing part throws a LoadError.
 *
 * @param offset first byte, a multiple of the size of an element
 * @throws OptionError for another offset, LoadError if the file does not hold the range
 */
export function mapTensor(path: string, offset: number, shape: readonly number[], dtype: DType): Tensor {
  if (!isMappable(offset, dtype)) {
    throw new OptionError(`expected an offset in multiples of ${dtypeBytes(dtype)} for ${dtype}, received ${offset}.`, {
      op: 'mapTensor',
      details: { path, offset },
    });
  }
  return new Tensor(new NativeStorage(sizeOf(shape) * dtypeBytes(dtype), 'cpu', { path, offset }), dtype, shape);
}

/**
 * A `cpu` tensor with a copy of a range of a file, in memory of its own: large ones get huge pages, which a mapping cannot have.
 *
 * @throws LoadError if the file does not hold the range
 */
export async function readTensor(
  path: string,
  offset: number,
  shape: readonly number[],
  dtype: DType,
): Promise<Tensor> {
  const x = empty(shape, dtype, 'cpu');
  try {
    await guardedAsync(native().readFile(x.storage.address().id, 0, path, offset, x.bytes));
  } catch (error) {
    x.dispose();
    throw error;
  }
  return x;
}

/** Whether elements at this offset of a file are aligned for their type. */
export function isMappable(offset: number, dtype: DType): boolean {
  return Number.isSafeInteger(offset) && offset >= 0 && offset % dtypeBytes(dtype) === 0;
}

/** Reads mapped tensors in, on all threads, so that their first use does not wait page by page. */
export async function populate(tensors: readonly Tensor[]): Promise<void> {
  await guardedAsync(native().populate(tensors.map((x) => x.storage.address().id)));
}
