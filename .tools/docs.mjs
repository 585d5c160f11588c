// The API reference from the docstrings, into .out/docs.
import path from 'node:path';
import { runMain, say } from './lib/log.mjs';
import { inRoot, out, relative } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { installPackages } from './steps/packages.mjs';

await runMain(async () => {
  await installPackages();
  const target = path.join(out, 'docs');
  const options = ['--entryPoints', 'src/index.ts', '--tsconfig', 'tsconfig.json', '--readme', 'README.md'];
  const args = [
    inRoot('node_modules/typedoc/bin/typedoc'),
    ...options,
    '--excludePrivate',
    '--excludeInternal',
    '--out',
    target,
  ];
  const { code } = await run(process.execPath, args, { inherit: true });
  if (code === 0) say(`API reference: ${relative(target)}/index.html`);
  return code;
});
