import { createHash, randomBytes } from 'node:crypto';
import { access, constants, mkdir, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';

/** Left free on the disk when a cache is written, in bytes. */
export const KEEP_FREE = 2 ** 30;
/** A temporary file of another machine is taken for abandoned after this many milliseconds. */
const ABANDONED = 24 * 3600 * 1000;

/**
 * Folders where a packed model may lie, best first: the one that was asked for, or that `ROTOR_CACHE` names; else `.rotor`
 * beside the checkpoint, then `rotor` in the user's cache folder.
 */
export function cacheFolders(beside: string, asked: string | undefined): string[] {
  const named = asked ?? process.env['ROTOR_CACHE'];
  if (named !== undefined && named !== '') return [named];
  const xdg = process.env['XDG_CACHE_HOME'];
  return [join(beside, '.rotor'), join(xdg === undefined || xdg === '' ? join(homedir(), '.cache') : xdg, 'rotor')];
}

/**
 * The first folder that can be written to and has room for `bytes` more, made when it does not exist.
 *
 * @returns the folder, or why there is none
 */
export async function writableFolder(
  folders: readonly string[],
  bytes: number,
  keepFree = KEEP_FREE,
): Promise<{ folder: string } | { reason: string }> {
  const reasons: string[] = [];
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(folder);
      if (bavail * bsize - bytes >= keepFree) return { folder };
      reasons.push(
        `${folder} has ${megabytes(bavail * bsize)} free for ${megabytes(bytes)} and a reserve of ${megabytes(keepFree)}`,
      );
    } catch (error) {
      reasons.push(`${folder}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
    }
  }
  return { reason: reasons.join('; ') };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

// Process ids of two machines that share a folder have nothing to do with each other.
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** Name for a file that is being written: it tells machine and process. */
export function temporaryName(): string {
  return `.${host}-${process.pid}-${randomBytes(4).toString('hex')}.part`;
}

/** Deletes the temporary files of writers that are gone. */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const match = /^\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part$/.exec(name);
    if (match === null) continue;
    const path = join(folder, name);
    const gone = match[1] === host ? !isRunning(Number(match[2])) : await isOlder(path, ABANDONED);
    if (gone) await unlink(path).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function isOlder(path: string, age: number): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > age;
}
