// One idea a file: none longer than 500 lines, each with a kebab-case name (snake_case for C++ and Python).
import fs from 'node:fs';
import path from 'node:path';
import { walk } from '../lib/files.mjs';
import { inRoot, relative } from '../lib/paths.mjs';
import { runIfMain } from './run-check.mjs';

export const title = 'file length and names';

export const longest = 500;
const code = /\.(ts|mjs|cjs|js|cc|h|inl|cu|cuh|py)$/;
const nameRules = [
  { names: /\.(ts|mjs|cjs|js)$/, good: /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\.\w+$/, want: 'kebab-case' },
  { names: /\.(cc|h|inl|cu|cuh)$/, good: /^[a-z0-9_.]+$/, want: 'snake_case' },
];

export function fileProblems(file, text) {
  const name = path.basename(file);
  const problems = [];
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > longest) problems.push(`${file}: ${lines} lines, ${longest} at most`);
  const rule = nameRules.find(({ names }) => names.test(name));
  if (rule && !rule.good.test(name)) problems.push(`${file}: the name should be ${rule.want}`);
  return problems;
}

export function check() {
  const places = ['src', 'cpp', 'cuda', 'test', '.tools', 'notebooks'];
  const files = places.flatMap((place) => walk(inRoot(place), (name) => code.test(name)));
  return files.flatMap((file) => fileProblems(relative(file), fs.readFileSync(file, 'utf8')));
}

await runIfMain(import.meta, title, check);
