import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Which source a measurement was taken with. */
export interface Build {
  /** Commit of the checkout, or `v` and the version of an installed package. */
  readonly build_commit: string;
  /** Whether tracked files differ from the commit; `null` outside a checkout. */
  readonly build_dirty: boolean | null;
  readonly build_version: string;
}

// From dist/bench and from src/bench alike: two levels up is the package.
const root = join(__dirname, '..', '..');

/** Version of the package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Commit and version of this package. */
export async function buildFacts(): Promise<Build> {
  const build_version = packageVersion();
  const git = async (...args: string[]): Promise<string> => (await run('git', ['-C', root, ...args])).stdout.trim();
  try {
    // An installed package may lie inside somebody else's checkout, whose commit says nothing about it.
    const top = await git('rev-parse', '--show-toplevel');
    if ((await realpath(top)) === (await realpath(root))) {
      const build_commit = await git('rev-parse', 'HEAD');
      return { build_commit, build_dirty: (await git('status', '--porcelain', '-uno')) !== '', build_version };
    }
  } catch {
    // No git here, or no checkout.
  }
  return { build_commit: `v${build_version}`, build_dirty: null, build_version };
}
