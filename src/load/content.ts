import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Checkpoint } from './checkpoint';
import { readInto } from './file';

const OP = 'packedCache';
const BLOCK = 4096;
const SAMPLES = 64;
const PIECE = 4 * 2 ** 20;

/** What the file system says of the files of a checkpoint, which changes whenever one is written, replaced or moved. */
export interface Stamp {
  /** Name, size, modification time, change time (both in nanoseconds) and inode of every file. */
  readonly text: string;
  /** Milliseconds since 1970 of the last change. */
  readonly newest: number;
}

/** Stamp of the files of a checkpoint. */
export async function stampOf({ files }: Checkpoint): Promise<Stamp> {
  const facts: string[][] = [];
  let newest = 0;
  for (const { path } of files) {
    const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true });
    facts.push([basename(path), ...[size, mtimeNs, ctimeNs, ino].map(String)]);
    newest = Math.max(newest, Number(mtimeNs / 1_000_000n), Number(ctimeNs / 1_000_000n));
  }
  return { text: JSON.stringify(facts), newest };
}

/**
 * A quick identity of the content: SHA-256 of sizes, headers, and blocks spread evenly over each file. It tells models
 * apart; that nothing else changed is for {@link stampOf} and {@link contentOf} to say.
 */
export async function sampleOf({ files, tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([...tensors.values()].map(({ name, dtype, shape, begin }) => [name, dtype, shape, begin])),
  );
  const block = new Uint8Array(BLOCK);
  for (const { path, bytes } of files) {
    hash.update(`${bytes}\n`);
    const handle = await open(path, 'r');
    try {
      for (let i = 0; i < SAMPLES; i++) {
        const { bytesRead } = await handle.read(
          block,
          0,
          BLOCK,
          Math.floor((Math.max(bytes - BLOCK, 0) * i) / (SAMPLES - 1)),
        );
        hash.update(block.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex');
}

/** SHA-256 of the files themselves, one after the other, each behind its size. */
export async function contentOf({ files }: Checkpoint, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const { path, bytes } of files) {
    hash.update(`${bytes}\n`);
    await hashRange(hash, path, 0, bytes, signal);
  }
  return hash.digest('hex');
}

/** Adds a range of a file to a hash. @throws LoadError if the file does not hold it */
export async function hashRange(
  hash: { update(data: Uint8Array): unknown },
  path: string,
  begin: number,
  bytes: number,
  signal?: AbortSignal,
): Promise<void> {
  // The next piece is read while one is hashed.
  const buffers = [0, 1].map(() => new Uint8Array(Math.min(bytes, PIECE)));
  const read = async (at: number): Promise<Uint8Array> => {
    const piece = buffers[(at / PIECE) % 2].subarray(0, Math.min(bytes - at, PIECE));
    await readInto(OP, path, begin + at, piece);
    return piece;
  };
  for (let at = 0, next = read(0); at < bytes; at += PIECE) {
    const piece = await next;
    signal?.throwIfAborted();
    if (at + PIECE < bytes) next = read(at + PIECE);
    hash.update(piece);
    await new Promise((resolve) => setImmediate(resolve)); // others have their turn
  }
}
