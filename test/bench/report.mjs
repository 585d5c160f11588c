// Every receipt of a release in one go: decode and prefill on one and on several threads, decode at depth, sequences side by side,
// starting, the cost of a call, beside the peers, and the weight formats. Takes about fifteen minutes on the 2.4 B shape; run it on a machine with nothing else to do.
//
//   node test/bench/report.mjs --model DIR --out DIR [--gguf FILE] [--llama-bench BINARY[,GGUF]] [--threads 2] [--repetitions 3]
//                              [--prompt 512] [--gen 128] [--only bench,depth,batch,start,overhead,compare,formats]
//
// Without --gguf the file for the peers is made in the temporary folder (test/bench/make-gguf.mjs; 1.2 GB) and deleted afterwards.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { compare } from './compare.mjs';
import { readFlags } from './flags.mjs';
import { measureFormats } from './formats.mjs';
import { makeGguf } from './make-gguf.mjs';
import { measureStart } from './start.mjs';

const require = createRequire(import.meta.url);
const { bench, benchOverhead } = require('../../dist/index.js');
const { loadBitNet } = require('../../dist/load/load-model.js');

const given = readFlags(process.argv.slice(2), {
  model: 'text',
  out: 'text',
  gguf: 'text',
  'llama-bench': 'texts',
  threads: 'number',
  repetitions: 'number',
  prompt: 'number',
  gen: 'number',
  only: 'text',
});
const { model, out, threads = 2, repetitions = 3 } = given;
if (model === undefined || out === undefined) throw new Error('expected --model DIR and --out DIR.');
const parts = given.only?.split(',') ?? ['bench', 'depth', 'batch', 'start', 'overhead', 'compare', 'formats'];
fs.mkdirSync(out, { recursive: true });

// Where the model lies on this machine is nobody's business.
const anonymous = (receipt) => ({
  ...receipt,
  ...(receipt.model_filename === undefined ? {} : { model_filename: path.basename(receipt.model_filename) }),
  command: receipt.command
    .replaceAll(path.dirname(path.resolve(model)) + path.sep, '')
    .replace(/\S+\.gguf/g, (f) => path.basename(f)),
});

function save(name, receipts) {
  fs.writeFileSync(path.join(out, `${name}.json`), `${JSON.stringify(receipts, undefined, 2)}\n`);
  for (const r of receipts) {
    const engines = r.engines ?? [{ ...r, label: 'Rotor' }];
    for (const e of engines)
      if (e.median_ts)
        console.log(`${name}: ${r.test}, ${r.n_threads} threads, ${e.label}: ${e.median_ts.toFixed(2)} tokens/s`);
    if (r.kind === 'start') console.log(`${name}: ${r.test}: first token after ${r.first_token_ms.toFixed(0)} ms`);
    if (r.kind === 'overhead') console.log(`${name}: ${r.test}: ${r.median_us.toFixed(3)} us`);
    for (const x of r.ratios ?? []) console.log(`${name}: ${r.test}: ${x.ratio.toFixed(2)} times ${x.label}`);
  }
}

async function measured(name, options) {
  if (!parts.includes(name)) return;
  const start = performance.now();
  const loaded = await loadBitNet(model);
  try {
    const onProgress = ({ test, done, total }) => console.error(`${name}: ${test}, ${done + 1} of ${total}`);
    const loadMs = performance.now() - start;
    const command = `node test/bench/report.mjs --model ${model} --out receipts --only ${name}`;
    const receipts = await bench(
      { model: loaded, path: model },
      { repetitions, loadMs, command, onProgress, ...options },
    );
    save(name, receipts.map(anonymous));
  } finally {
    loaded.dispose();
  }
}

const context = JSON.parse(fs.readFileSync(path.join(model, 'config.json'), 'utf8')).max_position_embeddings;
const nPrompt = Math.min(given.prompt ?? 512, context);
const nGen = Math.min(given.gen ?? 128, context);
const gen = 32;
await measured('bench', { nPrompt, nGen, threads: [1, threads] });
// The first is what others call a context of 128; the deepest test ends at the last position of the context.
const deep = 64;
const depths = [128, 2048, context - deep].filter((d) => d + deep <= context);
await measured('depth', { nPrompt: 0, nGen: deep, depth: [...new Set(depths)], cacheType: 'f16', threads });
await measured('batch', { nPrompt: 0, nGen: gen, parallel: [1, 2, 4, 8], threads });

if (parts.includes('start')) save('start', (await measureStart({ model, threads, repetitions })).map(anonymous));
if (parts.includes('overhead'))
  save('overhead', await benchOverhead({ threads: 1, command: 'rotor bench --overhead -t 1' }));

if (parts.includes('compare')) {
  const made = given.gguf === undefined ? path.join(os.tmpdir(), `rotor-peer-${process.pid}.gguf`) : undefined;
  try {
    if (made !== undefined) makeGguf(model, made);
    const options = {
      model,
      gguf: given.gguf ?? made,
      'llama-bench': given['llama-bench'] ?? [],
      repetitions,
      threads,
    };
    const receipts = await compare({ ...options, prompt: [nPrompt], gen: [nGen] });
    save('compare', receipts.map(anonymous));
  } finally {
    if (made !== undefined) fs.rmSync(made, { force: true });
  }
}

if (parts.includes('formats')) save('formats', [anonymous(await measureFormats({ threads }))]);
