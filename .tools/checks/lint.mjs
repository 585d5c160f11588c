// ESLint over the TypeScript and the scripts, with .tools/eslint.config.mjs.
import { inRoot } from '../lib/paths.mjs';
import { run } from '../lib/run.mjs';
import { runIfMain, toolProblems } from './run-check.mjs';

export const title = 'lint';

export async function check() {
  const args = ['--config', '.tools/eslint.config.mjs', '--max-warnings', '0', 'src', 'test', '.tools'];
  return toolProblems(await run(process.execPath, [inRoot('node_modules/eslint/bin/eslint.js'), ...args]));
}

await runIfMain(import.meta, title, check);
