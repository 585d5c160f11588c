import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { native } from '../../src/native/addon';
import { MODELS } from '../load/fixtures';
import { loadGolden } from '../load/golden';
import { describeSim, simAddon, simVariants } from './addon';

// One hash of logits for every target, each forced in a process of its own: every golden prompt of every checkpoint with its
// continuation at once, and some of them in chunks of a few rows, so that the kernels of many rows and of few all have their say.

const dist = join(__dirname, '../../dist');
const fewRows = 8;
const inChunks = 6; // sequences of each checkpoint

/** A checkpoint and what to run on it. */
interface Given {
  readonly path: string;
  readonly sequences: readonly (readonly number[])[];
}

/** sha256 of the logits of each sequence of each checkpoint on a target: run at once, or in chunks of `maxChunk` rows at most. */
async function hashes(variant: string, addon: string | undefined, given: readonly Given[], maxChunk?: number) {
  const code = `
    const Module = require('node:module');
    const { createHash } = require('node:crypto');
    const resolve = Module._resolveFilename;
    const addon = ${JSON.stringify(addon ?? null)};
    Module._resolveFilename = (name, ...rest) => resolve(addon && name.endsWith('rotor.node') ? addon : name, ...rest);
    const { loadBitNet } = require(${JSON.stringify(join(dist, 'load/load-model'))});
    const { Decoder } = require(${JSON.stringify(join(dist, 'model/decoder'))});
    const { run } = require(${JSON.stringify(join(dist, 'trace/run'))});
    const { scope } = require(${JSON.stringify(join(dist, 'tensor/scope'))});
    const { deviceInfo, setThreads } = require(${JSON.stringify(join(dist, 'native/device-info'))});
    const sha = (...parts) => parts.reduce((hash, x) => hash.update(x), createHash('sha256')).digest('hex');
    setThreads(1); // the other test files have the other cores
    (async () => {
      const all = [];
      for (const { path, sequences } of ${JSON.stringify(given)}) {
        const model = await loadBitNet(path);
        const decoder = new Decoder(model, { slots: 1, length: model.config.maxPositionEmbeddings });
        for (const ids of sequences) {
          const chunks = [];
          const onLogits = (logits) => chunks.push(Float32Array.from(logits.data()));
          const maxChunk = ${maxChunk ?? 0};
          if (maxChunk > 0) await decoder.prefill(0, ids, { maxChunk, onLogits });
          else scope(() => onLogits(run(model, ids)));
          all.push(sha(...chunks));
        }
        decoder.dispose();
        model.dispose();
      }
      console.log(JSON.stringify({ variant: deviceInfo()[0].variant, all }));
    })();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], {
    env: { ...process.env, ROTOR_CPU: variant },
    maxBuffer: 1 << 24,
  });
  const result = JSON.parse(stdout) as { variant: string; all: string[] };
  expect(result.variant).toBe(variant);
  return result.all;
}

// Every golden prompt with its continuation.
async function goldens(): Promise<Given[]> {
  const folders = [join(MODELS.tiny, 'golden'), MODELS.odd, MODELS.masters, MODELS.llama];
  const paths = [MODELS.tiny, MODELS.odd, MODELS.masters, MODELS.llama];
  const all = await Promise.all(folders.map((folder) => loadGolden(folder)));
  return all.map(({ cases }, i) => ({
    path: paths[i],
    sequences: cases.map(({ ids, greedy64 }) => [...ids, ...greedy64]),
  }));
}

let given: Given[];
let want: string[];
beforeAll(async () => {
  given = await goldens();
  want = await hashes('scalar', undefined, given);
}, 240_000);

test('scalar gives every sequence its own logits', () => {
  const distinct = given.flatMap(({ path, sequences }) => sequences.map((ids) => `${path} ${ids.join()}`));
  expect(want).toHaveLength(distinct.length);
  expect(new Set(want).size).toBe(new Set(distinct).size);
});

async function expectScalar(variant: string, addon?: string): Promise<void> {
  expect(await hashes(variant, addon, given)).toEqual(want);
  const some = given.map((x) => ({ ...x, sequences: x.sequences.slice(0, inChunks) }));
  const firsts = given.flatMap(({ sequences }, i) => {
    const before = given.slice(0, i).reduce((sum, x) => sum + x.sequences.length, 0);
    return want.slice(before, before + Math.min(inChunks, sequences.length));
  });
  expect(await hashes(variant, addon, some, fewRows)).toEqual(firsts);
}

test.each(
  native()
    .deviceInfo()
    .variants.filter((name) => name !== 'scalar'),
)('%s gives the logits of scalar for every golden', (variant) => expectScalar(variant), 240_000);

describeSim('emulated targets', () => {
  test.each(simVariants)(
    '%s gives the logits of scalar for every golden',
    (variant) => expectScalar(variant, simAddon),
    240_000,
  );
});
