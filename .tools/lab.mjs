// JupyterLab on notebooks/ with our kernel. Further arguments go to JupyterLab.
import { runMain, say } from './lib/log.mjs';
import { inRoot } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  const { jupyter, env } = await setup();
  const asRoot = process.getuid?.() === 0 ? ['--allow-root'] : [];
  // Ctrl-C is Jupyter's: it asks before it stops, and this process must still be there then.
  process.on('SIGINT', () => {});
  say('- JupyterLab on notebooks/ (Ctrl-C twice ends it)');
  const args = ['lab', `--ServerApp.root_dir=${inRoot('notebooks')}`, ...asRoot, ...process.argv.slice(2)];
  return (await run(jupyter, args, { env, inherit: true })).code;
});
