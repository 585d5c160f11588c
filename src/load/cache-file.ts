import { createHash } from 'node:crypto';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LoadError } from '../native/errors';
import type { DType } from '../tensor/dtype';
import { temporaryName } from './cache-folder';
import { hashRange } from './content';
import type { SafetensorsFile, TensorEntry } from './safetensors';
import { openSafetensors } from './safetensors';
import type { StoredDType } from './stored-dtype';

/** Version of the file below; another one is not read. */
const VERSION = '1';
const FORMAT = 'rotor-packed';
/** Tensors begin at multiples of this, a cache line. */
const ALIGN = 64;
const PADDING = '.padding.';
/** Stands for a SHA-256 that is not known yet. */
const NO_SUM = '0'.repeat(64);

/** What a cache file was made from. */
export interface CacheFacts {
  /** Identity of checkpoint, config and layout; also in the name of the file. */
  readonly key: string;
  /** SHA-256 of the whole checkpoint. */
  readonly content: string;
  /** Paths of the checkpoint's files, to find what an earlier version of them left behind. */
  readonly source: string;
  /** CPU variant that packed. */
  readonly variant: string;
}

/** A tensor to write, as its bytes. */
export interface CacheTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A cache file whose header is sound. */
export interface CacheFile {
  readonly path: string;
  readonly facts: CacheFacts;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** SHA-256 of each tensor. */
  readonly sums: ReadonlyMap<string, string>;
}

/**
 * Writes a cache file: safetensors with every tensor at a multiple of 64 bytes (small tensors named `.padding.N` fill the
 * gaps) and a checksum per tensor. It gets its name when all of it is on the disk, so that readers see a whole file or none,
 * whoever else writes the same one or is killed on the way.
 *
 * @param content SHA-256 of the checkpoint, which may become known while the tensors are written
 * @throws what the file system finds wrong; nothing is left behind then
 */
export async function writeCacheFile(
  path: string,
  facts: Omit<CacheFacts, 'content'>,
  content: Promise<string>,
  tensors: readonly CacheTensor[],
  signal?: AbortSignal,
): Promise<void> {
  const padded = withPadding(tensors);
  const sums = padded.map(() => NO_SUM);
  const reserved = headerOf({ ...facts, content: NO_SUM }, padded, sums).length;
  const temporary = join(dirname(path), temporaryName());
  try {
    const handle = await open(temporary, 'wx');
    try {
      let at = reserved;
      for (const [i, { bytes }] of padded.entries()) {
        signal?.throwIfAborted();
        // The disk takes a tensor while its checksum is computed.
        const written = writeAll(handle, bytes, at);
        sums[i] = createHash('sha256').update(bytes).digest('hex');
        await written;
        at += bytes.length;
      }
      await writeAll(handle, headerOf({ ...facts, content: await content }, padded, sums), 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/**
 * Opens a cache file and checks its header: format, version, lengths, and the checksum over all that it says.
 *
 * @throws LoadError if it is damaged, cut short, or of another version
 */
export async function openCacheFile(path: string): Promise<CacheFile> {
  const file = await openSafetensors(path);
  const { format, version, key, content, source, variant, sums, check } = file.metadata;
  if (format !== FORMAT || version !== VERSION) throw broken(path, `format ${format} ${version}`);
  if (check !== checkOf(file)) throw broken(path, 'a header with a wrong checksum');
  const list = JSON.parse(sums) as [string, string][];
  return { path, facts: { key, content, source, variant }, tensors: file.tensors, sums: new Map(list) };
}

/** Names of the tensors whose bytes are not those that were written. */
export async function damagedTensors({ tensors, sums }: CacheFile, signal?: AbortSignal): Promise<string[]> {
  const damaged: string[] = [];
  for (const { name, file, begin, bytes } of tensors.values()) {
    const hash = createHash('sha256');
    await hashRange(hash, file, begin, bytes, signal);
    if (hash.digest('hex') !== sums.get(name)) damaged.push(name);
  }
  return damaged;
}

function broken(path: string, received: string): LoadError {
  return new LoadError(
    `expected a packed model of format ${FORMAT} ${VERSION} in ${path}, received ${received}. Delete it.`,
    {
      op: 'packedCache',
      details: { path },
    },
  );
}

function withPadding(tensors: readonly CacheTensor[]): CacheTensor[] {
  return tensors.flatMap((tensor, i) => {
    const gap = -tensor.bytes.length & (ALIGN - 1);
    if (gap === 0) return [tensor];
    return [tensor, { name: `${PADDING}${i}`, dtype: 'u8', shape: [gap], bytes: new Uint8Array(gap) }];
  });
}

// The length depends on names and shapes only, not on the sums, so that room can be left for it.
function headerOf(facts: CacheFacts, tensors: readonly CacheTensor[], sums: readonly string[]): Uint8Array {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = at;
    at += bytes.length;
    return { name, dtype: dtype.toUpperCase() as StoredDType, shape, begin, bytes: bytes.length };
  });
  const metadata = {
    format: FORMAT,
    version: VERSION,
    ...facts,
    sums: JSON.stringify(tensors.map(({ name }, i) => [name, sums[i]])),
  };
  const check = checkOf({ metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])) });
  const json = Buffer.from(
    JSON.stringify({
      __metadata__: { ...metadata, check },
      ...Object.fromEntries(
        entries.map(({ name, dtype, shape, begin, bytes }) => [
          name,
          { dtype, shape, data_offsets: [begin, begin + bytes] },
        ]),
      ),
    }),
  );
  const length = Math.ceil((8 + json.length) / ALIGN) * ALIGN;
  const header = Buffer.alloc(length, ' ');
  header.writeBigUInt64LE(BigInt(length - 8), 0);
  json.copy(header, 8);
  return header;
}

type Header = Pick<SafetensorsFile, 'metadata'> & {
  readonly tensors: ReadonlyMap<string, Pick<TensorEntry, 'name' | 'dtype' | 'shape' | 'bytes'>>;
};

function checkOf({ metadata, tensors }: Header): string {
  const { check: _, ...facts } = metadata;
  const list = [...tensors.values()].map(({ name, dtype, shape, bytes }) => [name, dtype, shape, bytes]);
  return createHash('sha256')
    .update(JSON.stringify([Object.entries(facts).sort(), list.sort()]))
    .digest('hex');
}

interface Writer {
  write(data: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
}

async function writeAll(handle: Writer, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.length - done, 2 ** 30), position + done);
    done += bytesWritten;
  }
}

// Makes the new name itself durable, where the system can.
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
