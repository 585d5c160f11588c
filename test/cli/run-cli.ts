import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const program = join(root, 'dist', 'cli.js');

/** The bundled model. */
export const modelPath = join(root, 'models', 'rotor-tiny');

/** How a run of the command line ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run gets. */
export interface RunOptions {
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** Called with the process after it has started. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Runs the built command line to its end. */
export function rotor(args: readonly string[], { input = '', env = {}, onStart }: RunOptions = {}): Promise<Run> {
  if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: root, env: { ...process.env, ...env } });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    onStart?.(child);
  });
}

/** Runs with `--json` and returns what was printed. */
export async function rotorJson<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await rotor([...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}
