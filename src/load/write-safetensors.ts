import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LoadError, OptionError } from '../native/errors';
import { describe } from '../native/options';
import type { StoredDType } from './stored-dtype';
import { STORED_BYTES } from './stored-dtype';

/** A tensor to write; the dtypes are those of Rotor's tensors. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: 'f32' | 'bf16' | 'i32' | 'i8' | 'u8' | 'bool';
  readonly shape: readonly number[];
  /** Row-major values: Float32Array (or Float64Array, rounded) for f32, bits in a Uint16Array for bf16, Uint8Array for bool. */
  readonly data: ArrayBufferView;
}

const OP = 'writeSafetensors';
const ARRAYS: Readonly<Record<SafetensorsEntry['dtype'], readonly string[]>> = {
  f32: ['Float32Array', 'Float64Array'],
  bf16: ['Uint16Array'],
  i32: ['Int32Array'],
  i8: ['Int8Array'],
  u8: ['Uint8Array'],
  bool: ['Uint8Array'],
};

/**
 * Writes tensors to a safetensors file. The file appears under its name only when it is complete; an earlier file of that
 * name is replaced.
 *
 * @param path where to write; the directory must exist
 * @param entries the tensors; names must differ
 * @param metadata strings for the `__metadata__` of the header
 * @throws OptionError if a name repeats, or data does not fit its dtype and shape; LoadError if the file cannot be written
 */
export async function writeSafetensors(
  path: string,
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const tensors = [...entries].map(toStored);
  // Wide elements first: then every tensor is aligned for its type, for readers that map the file.
  tensors.sort((a, b) => STORED_BYTES[b.dtype] - STORED_BYTES[a.dtype]);
  const header = headerBytes(tensors, metadata);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    const handle = await open(temporary, 'w');
    try {
      for (const part of [header, ...tensors.map((tensor) => tensor.bytes)]) await handle.writeFile(part);
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    const reason = (cause as NodeJS.ErrnoException).code ?? describe(cause);
    throw new LoadError(
      `expected to write ${path}, received ${reason}. Check that the directory exists and has room.`,
      {
        op: OP,
        details: { path },
        cause,
      },
    );
  }
}

interface StoredTensor {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function toStored({ name, dtype, shape, data }: SafetensorsEntry): StoredTensor {
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  const accepted = Object.hasOwn(ARRAYS, dtype) ? ARRAYS[dtype] : undefined;
  if (accepted === undefined) throw misuse(name, `a dtype among ${Object.keys(ARRAYS).join(', ')}`, String(dtype));
  if (!accepted.includes(kind)) throw misuse(name, `${accepted.join(' or ')} for ${dtype}`, kind);
  const stored = kind === 'Float64Array' ? Float32Array.from(data as Float64Array) : data;
  const size = shape.reduce((product, n) => product * n, 1);
  const length = (stored as Uint8Array).length;
  if (size !== length) throw misuse(name, `${size} values for shape [${shape.join(', ')}]`, `${length}`);
  return {
    name,
    dtype: dtype.toUpperCase() as StoredDType,
    shape,
    bytes: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength),
  };
}

/** Length prefix and JSON, padded with spaces to a multiple of 8. */
function headerBytes(tensors: readonly StoredTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set('__metadata__', metadata);
  let at = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    if (name === '' || name === '__metadata__') throw misuse(name, 'a tensor name', `"${name}"`);
    if (header.has(name)) throw misuse(name, 'different names', 'this one twice');
    header.set(name, { dtype, shape, data_offsets: [at, at + bytes.length] });
    at += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, 8);
  return bytes;
}

function misuse(name: string, expected: string, received: string): OptionError {
  return new OptionError(`expected ${expected}, received ${received}, for the tensor "${name}". Correct the entry.`, {
    op: OP,
    details: { name },
  });
}
