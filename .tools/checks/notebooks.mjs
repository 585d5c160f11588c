// Committed notebooks: no outputs, prose before every code cell, our kernel, and one place that names the model.
import fs from 'node:fs';
import { walk } from '../lib/files.mjs';
import { inRoot, kernelName, relative } from '../lib/paths.mjs';
import { runIfMain } from './run-check.mjs';

export const title = 'notebooks';

const modelPath = /const modelPath = process\.env\.ROTOR_MODEL \?\? '\.\.\/models\/rotor-tiny'/;

export function notebookProblems(file, notebook) {
  const problems = [];
  const kernel = notebook.metadata?.kernelspec?.name;
  if (kernel !== kernelName) problems.push(`${file}: its kernel is ${kernel}, expected ${kernelName}`);
  let named = 0;
  notebook.cells.forEach((cell, index) => {
    if (cell.cell_type !== 'code') return;
    const source = [cell.source].flat().join('');
    if (modelPath.test(source)) named++;
    if (cell.outputs.length > 0) problems.push(`${file}: cell ${index + 1} has outputs; commit notebooks without them`);
    if (cell.execution_count !== null)
      problems.push(`${file}: cell ${index + 1} has an execution count; it should be null`);
    if (notebook.cells[index - 1]?.cell_type !== 'markdown')
      problems.push(`${file}: code cell ${index + 1} has no prose before it`);
  });
  if (named !== 1) problems.push(`${file}: ${named} cells set modelPath from ROTOR_MODEL, expected one`);
  return problems;
}

export function check() {
  return walk(inRoot('notebooks'), (name) => name.endsWith('.ipynb')).flatMap((file) =>
    notebookProblems(relative(file), JSON.parse(fs.readFileSync(file, 'utf8'))),
  );
}

await runIfMain(import.meta, title, check);
