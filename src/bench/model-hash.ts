import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

import { openCheckpoint } from '../load/checkpoint';

/**
 * SHA-256 of the weights of a model: of the file, or for several shards of the lines `hash  name`, in order. A hash is kept in
 * the user's cache directory and used again while size and time of the file are the same.
 *
 * @param path a model directory, or a `.safetensors` file
 * @param signal stops between two blocks of a file
 * @throws LoadError if there is no model
 */
export async function modelHash(path: string, signal?: AbortSignal): Promise<string> {
  const { files } = await openCheckpoint(path);
  const hashes: string[] = [];
  for (const file of files) hashes.push(await fileHash(file.path, signal));
  if (files.length === 1) return hashes[0];
  const lines = files.map((file, i) => `${hashes[i]}  ${basename(file.path)}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

async function fileHash(path: string, signal?: AbortSignal): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const key = `${resolve(path)} ${size} ${mtimeMs}`;
  const store = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'rotor', 'sha256.json');
  const known = await readStore(store);
  if (typeof known[key] === 'string') return known[key];
  const hash = createHash('sha256');
  for await (const block of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(block as Buffer);
  const digest = hash.digest('hex');
  await writeStore(store, { ...known, [key]: digest });
  return digest;
}

async function readStore(path: string): Promise<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
  } catch {
    return {};
  }
}

// Without a place to keep hashes they are computed each time.
async function writeStore(path: string, value: Record<string, string>): Promise<void> {
  const part = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(part, JSON.stringify(value));
    await rename(part, path);
  } catch {
    return;
  }
}
