// The emitted .d.ts files under the compiler of the notebook kernel (TypeScript 5.0.4, lib es2022, node10). Newer syntax in them would
// not fail there: it would silently take all types away from the notebook's user.
import fs from 'node:fs';
import path from 'node:path';
import { writeText } from '../lib/files.mjs';
import { inRoot, out } from '../lib/paths.mjs';
import { run } from '../lib/run.mjs';
import { runIfMain, toolProblems } from './run-check.mjs';

export const title = 'declarations under TypeScript 5.0.4';

export async function check() {
  const entry = inRoot('dist/index.d.ts');
  if (!fs.existsSync(entry)) return ['dist/index.d.ts does not exist: run npm run build'];
  const { typesVersions } = JSON.parse(fs.readFileSync(inRoot('package.json'), 'utf8'));
  const subpaths = Object.values(typesVersions['*']).map(([file]) => inRoot(file));
  const config = path.join(out, 'declarations/tsconfig.json');
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022'],
    module: 'commonjs',
    moduleResolution: 'node',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [inRoot('node_modules/@types')],
  };
  writeText(config, JSON.stringify({ compilerOptions, files: [entry, ...subpaths] }, null, 2));
  return toolProblems(await run(process.execPath, [inRoot('node_modules/typescript-5.0/bin/tsc'), '-p', config]));
}

await runIfMain(import.meta, title, check);
