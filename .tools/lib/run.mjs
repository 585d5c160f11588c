// Child processes, and the search for commands on PATH.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ToolError } from './log.mjs';
import { root } from './paths.mjs';

/** Full path of a command, or undefined. A name with a slash is taken as it is. */
export function which(command) {
  const candidates = command.includes('/')
    ? [command]
    : (process.env.PATH ?? '').split(path.delimiter).map((dir) => path.join(dir, command));
  return candidates.find((file) => {
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return fs.statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

/**
 * Runs a command to its end and gives `{ code, output }`, stdout and stderr together in order of arrival.
 * `onLine` sees each line as it comes; `inherit` hands the terminal over instead.
 */
export function run(command, args, { cwd = root, env = process.env, inherit = false, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let pending = '';
    const take = (text) => {
      output += text;
      if (!onLine) return;
      const lines = (pending + text).split('\n');
      pending = lines.pop();
      lines.forEach((line) => onLine(line));
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', take);
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (pending) onLine?.(pending);
      resolve({ code: code ?? (signal ? 128 : 1), output });
    });
  });
}

/** `run`, but a non-zero exit is a `ToolError` made of `problem` and the end of what the command printed. */
export async function must(command, args, problem, options = {}) {
  const { code, output } = await run(command, args, options);
  if (code !== 0) {
    const tail = output
      .trimEnd()
      .split('\n')
      .slice(-(options.tail ?? 40))
      .join('\n');
    throw new ToolError(`${problem} (exit code ${code}):\n\n${tail}`);
  }
  return output;
}
