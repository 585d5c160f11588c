// Type check of the tests: jest runs them through swc, which drops types unread.
import { inRoot } from '../lib/paths.mjs';
import { run } from '../lib/run.mjs';
import { runIfMain, toolProblems } from './run-check.mjs';

export const title = 'types of the tests';

export async function check() {
  return toolProblems(
    await run(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '-p', 'test/tsconfig.json']),
  );
}

await runIfMain(import.meta, title, check);
