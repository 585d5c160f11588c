// Jupyter: the one on PATH when it can convert notebooks, else a virtual environment of this folder; and our kernelspec.
import fs from 'node:fs';
import path from 'node:path';
import { hashFiles, readText, writeText } from '../lib/files.mjs';
import { say, step, ToolError } from '../lib/log.mjs';
import { inRoot, jupyterPath, kernelName, relative, venv } from '../lib/paths.mjs';
import { must, run, which } from '../lib/run.mjs';

const requirements = inRoot('.tools/jupyter-requirements.txt');

const noPython = [
  'The notebooks need Python 3, and python3 was not found on PATH.',
  'Debian and Ubuntu: apt-get install python3 python3-venv',
  'Then run the same command again. (npm test works without Python.)',
].join('\n');

const noVenv = (output) =>
  [
    'Python 3 is there, but its venv module is not complete, so no virtual environment for Jupyter could be made.',
    'Debian and Ubuntu: apt-get install python3-venv',
    'Then run the same command again. What Python said:',
    '',
    output.trim(),
  ].join('\n');

const noJupyter = (output) =>
  [
    'Jupyter could not be installed into .venv with pip. Either let pip reach a package index, or put a `jupyter` with',
    'nbconvert on PATH yourself (Debian and Ubuntu: apt-get install jupyter-nbconvert jupyter-notebook).',
    'Then run the same command again. What pip said:',
    '',
    output.trim().split('\n').slice(-20).join('\n'),
  ].join('\n');

async function makeVenv(stamp) {
  const python = which('python3');
  if (!python) throw new ToolError(noPython);
  await step('Jupyter in .venv', async () => {
    fs.rmSync(venv, { recursive: true, force: true });
    const made = await run(python, ['-m', 'venv', venv]);
    if (made.code !== 0) {
      fs.rmSync(venv, { recursive: true, force: true });
      throw new ToolError(noVenv(made.output));
    }
    const args = ['-m', 'pip', 'install', '--disable-pip-version-check', '--progress-bar', 'off', '-r', requirements];
    let count = 0;
    const onLine = (line) => {
      if (/^(Collecting|Processing) /.test(line) && ++count % 20 === 0) say(`  ${count} Python packages found`);
      if (/^Installing collected/.test(line)) say(`  installing ${line.split(',').length} Python packages`);
    };
    const pip = await run(path.join(venv, 'bin/python'), args, { env: { PIP_RETRIES: '1', ...process.env }, onLine });
    if (pip.code !== 0) throw new ToolError(noJupyter(pip.output));
    writeText(path.join(venv, '.stamp'), stamp);
  });
}

/** The jupyter command to use, made ready if need be. */
async function findJupyter() {
  const stamp = hashFiles([requirements], venv);
  const own = path.join(venv, 'bin/jupyter');
  if (readText(path.join(venv, '.stamp')) === stamp && fs.existsSync(own)) return own;
  const onPath = which('jupyter');
  if (onPath && (await run(onPath, ['nbconvert', '--version'])).code === 0) return onPath;
  await makeVenv(stamp);
  return own;
}

/**
 * The kernelspec names Node and tslab by absolute path, since a notebook server's PATH may be another one, and preloads the file that keeps
 * long outputs from being lost.
 */
export function kernelSpec(node = process.execPath) {
  return {
    argv: [
      node,
      '-r',
      inRoot('.tools/kernel-preload.cjs'),
      inRoot('node_modules/tslab/bin/tslab'),
      'kernel',
      '--config-path',
      '{connection_file}',
    ],
    display_name: 'TypeScript (Rotor)',
    language: 'typescript',
  };
}

export async function setUpJupyter() {
  const jupyter = await findJupyter();
  const file = path.join(jupyterPath, 'kernels', kernelName, 'kernel.json');
  const text = `${JSON.stringify(kernelSpec(), null, 2)}\n`;
  if (readText(file) !== text) {
    await step('notebook kernel', () => {
      writeText(file, text);
      return relative(file);
    });
  }
  const jupyterPaths = [jupyterPath, process.env.JUPYTER_PATH].filter(Boolean).join(path.delimiter);
  return { jupyter, env: { ...process.env, JUPYTER_PATH: jupyterPaths } };
}

/** `must` for a jupyter subcommand. */
export function jupyterMust({ jupyter, env }, args, problem, options = {}) {
  return must(jupyter, args, problem, { env, ...options });
}
