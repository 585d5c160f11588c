import { unlink } from 'node:fs/promises';
import { checkOptions } from '../native/options';
import { damagedTensors } from './cache-file';
import { openCheckpoint } from './checkpoint';
import { contentOf } from './content';
import { loadConfig } from './load-config';
import { PackedCache } from './packed-cache';

/** What a full look at the packed form of a model found. */
export interface CacheReport {
  /** `none`: there is no file that a start would use. */
  readonly status: 'none' | 'sound' | 'damaged';
  readonly path?: string;
  /** Tensors whose bytes have changed; `checkpoint` if it is the checkpoint that has. */
  readonly damaged: readonly string[];
}

/**
 * Reads a checkpoint and its packed form in full and compares both with the SHA-256 sums taken when it was packed. A start
 * checks only the header and whether the checkpoint's files were touched. A damaged file is deleted, so that the next start
 * makes it again.
 *
 * @param path a model directory, or a `.safetensors` file beside its `config.json`
 * @param options the folder, where one was given when the model was loaded
 * @throws LoadError if there is no model at `path`
 */
export async function verifyPackedCache(
  path: string,
  options: { readonly folder?: string; readonly signal?: AbortSignal } = {},
): Promise<CacheReport> {
  checkOptions('verifyPackedCache', options, ['folder', 'signal']);
  const checkpoint = await openCheckpoint(path);
  const { file } = await PackedCache.open(path, checkpoint, await loadConfig(path), options);
  if (file === undefined) return { status: 'none', damaged: [] };
  const damaged = await damagedTensors(file, options.signal);
  if ((await contentOf(checkpoint, options.signal)) !== file.facts.content) damaged.unshift('checkpoint');
  if (damaged.length === 0) return { status: 'sound', path: file.path, damaged };
  for (const name of [file.path, `${file.path}.stamp`]) await unlink(name).catch(() => undefined);
  return { status: 'damaged', path: file.path, damaged };
}
