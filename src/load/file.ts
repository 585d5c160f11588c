import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { LoadError } from '../native/errors';
import { describe } from '../native/options';

/** One read call takes at most 2^31 - 1 bytes on Linux. */
const READ_LIMIT = 2 ** 30;

/**
 * Size of a file in bytes.
 *
 * @throws LoadError if there is no regular file (a directory, a pipe or a device does not count; a link to a file does)
 */
export async function fileSize(op: string, path: string): Promise<number> {
  const info = await stat(path).catch((cause: unknown) => {
    throw unreadable(op, path, cause);
  });
  if (info.isFile()) return info.size;
  throw new LoadError(
    `expected a regular file at ${path}, received ${info.isDirectory() ? 'a directory' : 'a special file'}. Check the path.`,
    {
      op,
      details: { path },
    },
  );
}

/** True when there is something at `path`. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Reads exactly `bytes.length` bytes from `begin` on into `bytes`.
 *
 * @throws LoadError if the file cannot be opened or ends too early
 */
export async function readInto(op: string, path: string, begin: number, bytes: Uint8Array): Promise<void> {
  let handle: FileHandle | undefined;
  let done = 0;
  try {
    handle = await open(path, 'r');
    while (done < bytes.length) {
      const { bytesRead } = await handle.read(bytes, done, Math.min(bytes.length - done, READ_LIMIT), begin + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
  } catch (cause) {
    throw unreadable(op, path, cause);
  } finally {
    await handle?.close();
  }
  if (done === bytes.length) return;
  throw new LoadError(
    `expected ${bytes.length} bytes at offset ${begin} of ${path}, received ${done}. The file is truncated: fetch it again.`,
    { op, details: { path, begin, bytes: bytes.length, received: done } },
  );
}

/**
 * Reads and parses a JSON file.
 *
 * @param limit largest accepted size in bytes
 * @throws LoadError if it cannot be read, is larger than `limit`, or is not JSON
 */
export async function readJson(op: string, path: string, limit: number = 2 ** 24): Promise<unknown> {
  const size = await fileSize(op, path);
  if (size > limit) {
    throw new LoadError(
      `expected a JSON file of at most ${limit} bytes at ${path}, received ${size} bytes. Check the path.`,
      {
        op,
        details: { path, size, limit },
      },
    );
  }
  const bytes = new Uint8Array(size);
  await readInto(op, path, 0, bytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new LoadError(
      `expected JSON in ${path}, received ${(cause as Error).message}. Correct the file or fetch it again.`,
      {
        op,
        details: { path },
        cause,
      },
    );
  }
}

function unreadable(op: string, path: string, cause: unknown): LoadError {
  const code = (cause as NodeJS.ErrnoException).code;
  const received =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? 'nothing there'
      : code === 'EACCES'
        ? 'no permission'
        : `${code ?? describe(cause)}`;
  return new LoadError(`expected a readable file at ${path}, received ${received}. Check the path.`, {
    op,
    details: { path, code },
    cause,
  });
}
