// Everything a fresh clone needs, each step skipped when what it would make is there and made from the same files.
// Usage: node .tools/setup.mjs [--no-jupyter]
import { pathToFileURL } from 'node:url';
import { runMain, say, seconds, ToolError } from './lib/log.mjs';
import { buildAddon } from './steps/addon.mjs';
import { setUpJupyter } from './steps/jupyter.mjs';
import { installPackages } from './steps/packages.mjs';
import { buildTypeScript } from './steps/typescript.mjs';

const oldestNode = 20;

/**
 * Gives the Jupyter to use, `{ jupyter, env }`, unless `jupyter: false` leaves it out. `sim: true` also builds what tests need for
 * the kernels of CPUs other than this one.
 */
export async function setup({ jupyter = true, sim = false } = {}) {
  const start = performance.now();
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    throw new ToolError(`Rotor needs Node.js ${oldestNode} or newer; this is ${process.versions.node}.`);
  }
  say('Set-up');
  await installPackages();
  await buildTypeScript();
  await buildAddon({ sim });
  const found = jupyter ? await setUpJupyter() : undefined;
  say(`- everything is set up (${seconds(start)})`);
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runMain(async () => {
    await setup({ jupyter: !process.argv.includes('--no-jupyter') });
  });
}
