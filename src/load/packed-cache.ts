import { createHash } from 'node:crypto';
import { readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { BitNetConfig } from '../model/config';
import { cpuInfo } from '../native/device-info';
import type { DType } from '../tensor/dtype';
import { mapTensor, populate, readTensor } from '../tensor/mapped';
import type { Tensor } from '../tensor/tensor';
import type { CacheFacts, CacheFile } from './cache-file';
import { openCacheFile, writeCacheFile } from './cache-file';
import { cacheFolders, sweep, temporaryName, writableFolder } from './cache-folder';
import type { Checkpoint } from './checkpoint';
import { contentOf, sampleOf, stampOf } from './content';
import { exists } from './file';
import { layoutFingerprint } from './layout';

/** A tensor that a cache may have. */
export interface CachedSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Where a packed model is kept. */
export interface PackedCacheOptions {
  /** A folder in place of the usual ones. */
  readonly folder?: string;
  /** Bytes to leave free on the disk. */
  readonly keepFree?: number;
  readonly signal?: AbortSignal;
}

/** A change this shortly before a stamp may have a second one behind it that the clock does not tell apart, in milliseconds. */
const RACY = 2000;

/** Tensors from this size on are read into huge pages: from a mapping's small ones, decoding is a tenth slower. In bytes. */
const LARGE = 4 << 20;

/**
 * What a checkpoint becomes on this CPU variant, kept on disk: tensors by name, read or mapped when they are there, else made, and
 * written for the next time.
 *
 * The file's name is a hash of sizes, headers and samples of the checkpoint, of the config and of the packed layout. Beside it
 * lies a stamp: sizes, times and inodes of the checkpoint's files as they were when their full SHA-256 was that in the cache.
 * While they are the same, nothing needs to be read; when they differ (a copy, a touch), the full hash decides.
 */
export class PackedCache {
  readonly #taken: { spec: CachedSpec; tensor: Tensor }[] = [];
  #made = 0;

  private constructor(
    readonly checkpoint: Checkpoint,
    readonly options: PackedCacheOptions,
    readonly folders: readonly string[],
    readonly key: string,
    /** The file that tensors come from; undefined when there was none that may be used. */
    readonly file: CacheFile | undefined,
  ) {}

  /**
   * Looks for the packed form of a checkpoint. Whatever is damaged, cut short or stale counts as missing.
   *
   * @param path of the model directory or file, beside which the cache may lie
   */
  static async open(
    path: string,
    checkpoint: Checkpoint,
    config: BitNetConfig,
    options: PackedCacheOptions = {},
  ): Promise<PackedCache> {
    const folders = cacheFolders(path.endsWith('.safetensors') ? dirname(path) : path, options.folder);
    const { raw: _, ...facts } = config;
    const key = createHash('sha256')
      .update(JSON.stringify([await sampleOf(checkpoint), facts, layoutFingerprint()]))
      .digest('hex');
    for (const folder of folders) {
      const found = await findFile(join(folder, fileName(key)), key, checkpoint, options.signal);
      if (found !== undefined) return new PackedCache(checkpoint, options, folders, key, found);
    }
    return new PackedCache(checkpoint, options, folders, key, undefined);
  }

  /**
   * Tensors that belong together: from the cache when it has all of them, else made.
   *
   * @param specs what the cache must have them as; names differ over the whole model
   * @param make reads the checkpoint; gives contiguous `cpu` tensors in the order of `specs`
   */
  async take(specs: readonly CachedSpec[], make: () => Promise<readonly Tensor[]>): Promise<readonly Tensor[]> {
    const tensors = (await this.#find(specs)) ?? (await make());
    tensors.forEach((tensor, i) => this.#taken.push({ spec: specs[i], tensor }));
    return tensors;
  }

  /**
   * Called when everything was taken: writes the file if anything had to be made, else reads the mapped tensors in.
   *
   * A cache that cannot be written is no fault of the model: the process gets a warning and goes on.
   *
   * @throws only the reason of the signal
   */
  async finish(): Promise<void> {
    if (this.#made === 0) return populate(this.#taken.flatMap(({ tensor }) => (tensor.bytes < LARGE ? tensor : [])));
    try {
      const bytes = this.#taken.reduce((sum, { tensor }) => sum + tensor.bytes, 0);
      const place = await writableFolder(this.folders, bytes, this.options.keepFree);
      if ('folder' in place) await this.#write(place.folder);
      else warn(place.reason);
    } catch (error) {
      this.options.signal?.throwIfAborted();
      warn(String((error as Error).message));
    }
  }

  async #find(specs: readonly CachedSpec[]): Promise<Tensor[] | undefined> {
    const found: Tensor[] = [];
    try {
      for (const { name, dtype, shape } of specs) {
        const entry = this.file?.tensors.get(name);
        const fits = entry?.dtype === dtype.toUpperCase() && String(entry.shape) === String(shape);
        if (entry === undefined || !fits) throw new Error(`no ${name}`);
        const bring = entry.bytes < LARGE ? mapTensor : readTensor;
        found.push(await bring(entry.file, entry.begin, shape, dtype));
      }
      return found;
    } catch {
      // Also a file that was cut since it was opened.
      for (const tensor of found) tensor.dispose();
      this.#made++;
      return undefined;
    }
  }

  async #write(folder: string): Promise<void> {
    const { checkpoint, key } = this;
    const { signal } = this.options;
    const before = await stampOf(checkpoint);
    const facts = { key, source: sourceOf(checkpoint), variant: cpuInfo().variant };
    await sweep(folder);
    const path = join(folder, fileName(key));
    const tensors = this.#taken.map(({ spec, tensor }) => ({ ...spec, bytes: bytesOf(tensor) }));
    const content = contentOf(checkpoint, signal);
    // Both come to an end, whichever fails first: neither may go on reading what the caller frees.
    const [written] = await Promise.allSettled([writeCacheFile(path, facts, content, tensors, signal), content]);
    if (written.status === 'rejected') throw written.reason;
    await removeOlder(folder, path, facts);
    await writeStamp(path, await content, checkpoint, before.text);
  }
}

function fileName(key: string): string {
  return `packed-${key.slice(0, 32)}.safetensors`;
}

function sourceOf({ files }: Checkpoint): string {
  return JSON.stringify(files.map(({ path }) => resolve(path)));
}

function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function findFile(
  path: string,
  key: string,
  checkpoint: Checkpoint,
  signal: AbortSignal | undefined,
): Promise<CacheFile | undefined> {
  if (!(await exists(path))) return undefined;
  try {
    const file = await openCacheFile(path);
    if (file.facts.key !== key) return undefined;
    const { content } = file.facts;
    const now = await stampOf(checkpoint);
    if ((await readStamp(path)) === stampText(content, now.text)) return file;
    if ((await contentOf(checkpoint, signal)) !== content) return undefined;
    await writeStamp(path, content, checkpoint, now.text);
    return file;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

function stampText(content: string, stamp: string): string {
  return `${content} ${stamp}\n`;
}

async function readStamp(path: string): Promise<string | undefined> {
  return readFile(`${path}.stamp`, 'utf8').catch(() => undefined);
}

// Only if the files did not change while they were read, nor so shortly before that another change might look the same.
// A folder that cannot be written to has no stamps: the full hash is then computed each time.
async function writeStamp(path: string, content: string, checkpoint: Checkpoint, before: string): Promise<void> {
  const after = await stampOf(checkpoint);
  if (after.text !== before || Date.now() - after.newest < RACY) return;
  const temporary = join(dirname(path), temporaryName());
  try {
    await writeFile(temporary, stampText(content, after.text));
    await rename(temporary, `${path}.stamp`);
  } catch {
    await unlink(temporary).catch(() => undefined);
  }
}

// What earlier versions of the same checkpoint left. Whoever has such a file mapped keeps it.
async function removeOlder(
  folder: string,
  path: string,
  { source, variant }: Omit<CacheFacts, 'content'>,
): Promise<void> {
  for (const name of await readdir(folder)) {
    const other = join(folder, name);
    if (other === path || !/^packed-[0-9a-f]{32}\.safetensors$/.test(name)) continue;
    const file = await openCacheFile(other).catch(() => undefined);
    if (file?.facts.source !== source || file.facts.variant !== variant) continue;
    for (const old of [other, `${other}.stamp`]) await unlink(old).catch(() => undefined);
  }
}

function warn(reason: string): void {
  process.emitWarning(`The packed model is not kept for the next start: ${reason}`, { code: 'ROTOR_CACHE' });
}
