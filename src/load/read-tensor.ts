import { DTypeError } from '../native/errors';
import { readInto } from './file';
import type { TensorEntry } from './safetensors';
import { bf16ToNumber, f16ToNumber } from '../tensor/dtype';

const OP = 'readTensor';

/**
 * Reads the bytes of one tensor as they are stored: little endian, row-major.
 *
 * @param entry from `openCheckpoint` or `openSafetensors`
 * @returns a fresh array, aligned for every element type
 * @throws LoadError if the file has changed and no longer holds the range
 */
export async function readTensorBytes(entry: TensorEntry): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.bytes);
  await readInto(OP, entry.file, entry.begin, bytes);
  return bytes;
}

/**
 * Reads one tensor as numbers: for scales, norms and goldens. The weights of a model go to native buffers instead.
 *
 * @param entry an F32, BF16, F16, F64, I32, I8, U8 or BOOL tensor
 * @returns its values in row-major order, exact
 * @throws DTypeError for any other dtype, LoadError if the file no longer holds the range
 */
export async function readTensorValues(entry: TensorEntry): Promise<Float64Array> {
  const decode = DECODERS[entry.dtype];
  if (decode === undefined) {
    throw new DTypeError(
      `expected ${entry.name} to be one of ${Object.keys(DECODERS).join(', ')}, received ${entry.dtype}.`,
      {
        op: OP,
        details: { name: entry.name, dtype: entry.dtype },
      },
    );
  }
  return decode((await readTensorBytes(entry)).buffer);
}

const DECODERS: Readonly<Record<string, ((buffer: ArrayBufferLike) => Float64Array) | undefined>> = {
  F32: (buffer) => new Float64Array(new Float32Array(buffer)),
  BF16: (buffer) => Float64Array.from(new Uint16Array(buffer), bf16ToNumber),
  F16: (buffer) => Float64Array.from(new Uint16Array(buffer), f16ToNumber),
  F64: (buffer) => new Float64Array(buffer),
  I32: (buffer) => new Float64Array(new Int32Array(buffer)),
  I8: (buffer) => new Float64Array(new Int8Array(buffer)),
  U8: (buffer) => new Float64Array(new Uint8Array(buffer)),
  BOOL: (buffer) => new Float64Array(new Uint8Array(buffer)),
};
