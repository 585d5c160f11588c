// Prettier in its checking mode; `npm run format` mends what it finds.
import { inRoot } from '../lib/paths.mjs';
import { run } from '../lib/run.mjs';
import { runIfMain, toolProblems } from './run-check.mjs';

export const title = 'format';

export async function check() {
  const args = ['--check', '--log-level', 'warn', '.'];
  return toolProblems(await run(process.execPath, [inRoot('node_modules/prettier/bin/prettier.cjs'), ...args]));
}

await runIfMain(import.meta, title, check);
