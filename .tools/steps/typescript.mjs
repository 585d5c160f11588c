// src/*.ts -> dist/: CommonJS and declarations by tsc, and the ESM entry that re-exports the CommonJS one.
import fs from 'node:fs';
import path from 'node:path';
import { hashFiles, readText, walk, writeText } from '../lib/files.mjs';
import { step } from '../lib/log.mjs';
import { inRoot } from '../lib/paths.mjs';
import { must } from '../lib/run.mjs';

/** Outputs whose source is gone would still be found by require(), so they are removed. */
function pruneStale(dist) {
  for (const file of walk(dist, (name) => /\.(js|d\.ts)$/.test(name))) {
    const source = path.join(inRoot('src'), path.relative(dist, file).replace(/(\.d\.ts|\.js)$/, '.ts'));
    if (!fs.existsSync(source)) fs.rmSync(file);
  }
}

export async function buildTypeScript() {
  const dist = inRoot('dist');
  const stampFile = path.join(dist, '.stamp');
  const stamp = hashFiles([...walk(inRoot('src')), inRoot('tsconfig.json'), inRoot('package-lock.json')]);
  if (readText(stampFile) === stamp) return;
  await step('TypeScript build', async () => {
    fs.rmSync(stampFile, { force: true });
    await must(
      process.execPath,
      [inRoot('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'],
      'tsc found errors',
    );
    pruneStale(dist);
    // One build only: class identity must not depend on how the package was loaded.
    writeText(path.join(dist, 'index.mjs'), "export * from './index.js';\n");
    const cli = path.join(dist, 'cli.js');
    if (fs.existsSync(cli)) fs.chmodSync(cli, 0o755);
    writeText(stampFile, stamp);
  });
}
