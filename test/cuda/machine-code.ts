import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Kernel } from './sass';
import { kernelName, parseSass } from './sass';

const root = path.resolve(__dirname, '../..');
const library = path.join(root, 'build/Release/librotor_cuda.so');
const tools = path.join(root, 'build/cuda-tools');

/** Chips that the library has code for. */
export const targets = ['sm_80', 'sm_90a', 'sm_100'] as const;

/** Why machine code cannot be read here; undefined where it can. */
export function missing(): string | undefined {
  if (!fs.existsSync(library)) return 'no librotor_cuda.so: nvcc was not found';
  const found = ['cuobjdump', 'nvdisasm'].every((name) => fs.existsSync(path.join(tools, name)));
  return found ? undefined : 'no cuobjdump and nvdisasm: npm test fetches them with pip, out of the triton package';
}

function tool(name: string, args: readonly string[], cwd = root): string {
  return execFileSync(path.join(tools, name), args, { cwd, encoding: 'utf8', maxBuffer: 1 << 29 });
}

/** What one kernel takes of a chip. */
export interface Resources {
  readonly target: string;
  readonly name: string;
  readonly registers: number;
  /** Bytes of local memory a thread: spilled registers, and arrays indexed by what is not known in advance. */
  readonly stack: number;
  /** Bytes of shared memory that are fixed: no kernel has any, but for what the chip itself keeps. */
  readonly shared: number;
}

/** The resources of every kernel for every target. */
export function readResources(): Resources[] {
  const text = tool('cuobjdump', ['--dump-resource-usage', library]);
  const all: Resources[] = [];
  let target = '';
  let name = '';
  for (const line of text.split('\n')) {
    target = /^arch = (\S+)/.exec(line)?.[1] ?? target;
    name = /Function (\S+):$/.exec(line)?.[1] ?? name;
    const found = /REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)/.exec(line);
    if (found === null) continue;
    const [registers, stack, shared, local] = found.slice(1).map(Number);
    all.push({ target, name: kernelName(name), registers, stack: stack + local, shared });
  }
  return all;
}

/** The code of all kernels for each target whose symbols hold one of `names`. */
export function readKernels(names: readonly string[]): Map<string, Kernel[]> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rotor-sass-'));
  try {
    tool('cuobjdump', ['-xelf', 'all', library], dir);
    const kernels = new Map<string, Kernel[]>(targets.map((t) => [t, []]));
    for (const file of fs.readdirSync(dir)) {
      const symbols = fs.readFileSync(path.join(dir, file), 'latin1');
      if (!names.some((name) => symbols.includes(name))) continue;
      const target = /\.(sm_\w+)\.cubin$/.exec(file)?.[1] ?? '';
      kernels.get(target)?.push(...parseSass(tool('nvdisasm', ['-c', path.join(dir, file)])));
    }
    return kernels;
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}
