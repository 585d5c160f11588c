import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { native } from '../../src/native/addon';
import { MODELS } from '../load/fixtures';
import { loadGolden } from '../load/golden';
import { describeSim, simAddon, simVariants } from './addon';

// One hash of logits for every target, each forced in a process of its own.

const dist = join(__dirname, '../../dist');

/** sha256 of the logits of each prompt on a target. */
async function hashes(variant: string, addon: string | undefined, prompts: readonly (readonly number[])[]) {
  const code = `
    const Module = require('node:module');
    const { createHash } = require('node:crypto');
    const resolve = Module._resolveFilename;
    const addon = ${JSON.stringify(addon ?? null)};
    Module._resolveFilename = (name, ...rest) => resolve(addon && name.endsWith('rotor.node') ? addon : name, ...rest);
    const { loadBitNet } = require(${JSON.stringify(join(dist, 'load/load-model'))});
    const { run } = require(${JSON.stringify(join(dist, 'trace/run'))});
    const { deviceInfo } = require(${JSON.stringify(join(dist, 'native/device-info'))});
    loadBitNet(${JSON.stringify(MODELS.tiny)}).then((model) => {
      const of = (ids) => createHash('sha256').update(run(model, ids).data()).digest('hex');
      const all = ${JSON.stringify(prompts)}.map(of);
      console.log(JSON.stringify({ variant: deviceInfo()[0].variant, all }));
    });
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], {
    env: { ...process.env, ROTOR_CPU: variant },
  });
  const result = JSON.parse(stdout) as { variant: string; all: string[] };
  expect(result.variant).toBe(variant);
  return result.all;
}

async function prompts(): Promise<number[][]> {
  const { cases } = await loadGolden(join(MODELS.tiny, 'golden'));
  // The whole prompt and continuation, one row, and a few.
  const longest = cases.reduce((a, b) => (b.ids.length > a.ids.length ? b : a));
  const ids = [...longest.ids, ...longest.greedy64];
  return [ids, ids.slice(0, 1), ids.slice(0, 5), [...cases[0].ids]];
}

test('every target that runs here gives the logits of scalar', async () => {
  const given = await prompts();
  const want = await hashes('scalar', undefined, given);
  expect(new Set(want).size).toBe(given.length);
  for (const variant of native()
    .deviceInfo()
    .variants.filter((name) => name !== 'scalar'))
    expect([variant, await hashes(variant, undefined, given)]).toEqual([variant, want]);
}, 60_000);

describeSim('emulated targets', () => {
  test.each(simVariants)(
    '%s gives the logits of scalar',
    async (variant) => {
      const given = await prompts();
      expect(await hashes(variant, simAddon, given)).toEqual(await hashes('scalar', simAddon, given));
    },
    60_000,
  );
});
