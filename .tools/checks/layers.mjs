// The dependency directions of src/. Each folder names the folders it may import; types count like values, since both bind the reader.
import fs from 'node:fs';
import path from 'node:path';
import { walk } from '../lib/files.mjs';
import { inRoot } from '../lib/paths.mjs';
import { runIfMain } from './run-check.mjs';

export const title = 'dependency direction';

const chain = ['native', 'tensor', 'ops', 'program', 'nn', 'model'];
const upTo = (folder) => chain.slice(0, chain.indexOf(folder) + 1);
const drivers = ['load', 'generate', 'trace'];
const models = ['language-engine', 'language-model'];

/** folder -> what it may import: other folders, or single modules written as folder/file. */
export const allowed = {
  native: [],
  tensor: upTo('native'),
  ops: upTo('tensor'),
  program: upTo('ops'),
  nn: upTo('program'),
  model: upTo('nn'),
  text: ['native/errors', 'native/options'],
  load: [...upTo('model'), 'text', 'generate', 'trace'],
  generate: upTo('model'),
  trace: upTo('model'),
  plot: ['native/errors', 'native/options'],
  notebook: [...upTo('model'), ...drivers, 'text', 'plot', ...models],
  bench: [...upTo('model'), ...drivers, 'text', ...models],
  server: [...upTo('model'), ...drivers, 'text', 'bench', ...models],
  cli: [...upTo('model'), ...drivers, 'text', 'bench', 'plot', 'server', ...models],
};

/** Files directly in src/: the public index may import every folder, the command line what cli/ may, the language model and its engine the drivers. */
const entries = {
  'index.ts': [...Object.keys(allowed), ...models],
  'cli.ts': [...allowed.cli, 'cli'],
  'language-engine.ts': ['generate', 'text'],
  'language-model.ts': [...upTo('model'), ...drivers, 'text', 'language-engine'],
};

/** Module names that a file imports, re-exports or requires. Comments do not count. */
export function importsOf(source) {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"])([^'"\n]+)\1/g;
  return [...code.matchAll(pattern)].map((match) => match[2]);
}

/** Problems of one file; `file` is relative to src/, with forward slashes. */
export function layerProblems(file, source) {
  const folder = file.includes('/') ? file.split('/')[0] : undefined;
  const may = folder ? allowed[folder] : entries[file];
  if (!may)
    return [
      `src/${file}: ${folder ? `folder ${folder}/` : 'this file'} has no place in the dependency order (.tools/checks/layers.mjs)`,
    ];
  const problems = [];
  for (const name of importsOf(source)) {
    if (folder === 'plot' && (name.startsWith('node:') || name === 'fs')) {
      problems.push(`src/${file}: plot/ is pure and may not import ${name}`);
    }
    if (/^(tslab|zeromq)$/.test(name)) {
      problems.push(
        `src/${file}: ${name} is a development dependency; the library reaches it through the running kernel`,
      );
    }
    if (!name.startsWith('.')) continue;
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), name));
    if (target.startsWith('../')) {
      if (target !== '../package.json') problems.push(`src/${file}: imports ${name}, outside src/`);
      continue;
    }
    const [to] = target.split('/');
    const inside = to === folder || (folder === undefined && may.includes(to));
    if (!inside && !may.includes(to) && !may.includes(target)) {
      const list = may.length > 0 ? may.join(', ') : 'nothing';
      problems.push(`src/${file}: imports ${name}, but ${folder ? `${folder}/` : file} may import only ${list}`);
    }
  }
  if (folder !== 'notebook' && /__tslab__/.test(source)) problems.push(`src/${file}: only notebook/ may know tslab`);
  return problems;
}

export function check() {
  const src = inRoot('src');
  return walk(src, (name) => name.endsWith('.ts')).flatMap((file) =>
    layerProblems(path.relative(src, file).split(path.sep).join('/'), fs.readFileSync(file, 'utf8')),
  );
}

await runIfMain(import.meta, title, check);
