// Rotor beside its peers, in turns: one run of each engine per repetition, so that a slow minute meets all of them. Writes a receipt
// per test. A peer that is not there is skipped, and said so.
//
//   node test/bench/compare.mjs --model DIR --gguf FILE [--llama-bench BINARY[,GGUF]] [--prompt 512] [--gen 128] [--depth 0]
//                               [--threads 2] [--repetitions 5] [--out DIR]
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { llamaBench, startWorker } from './engine.mjs';
import { readFlags } from './flags.mjs';

const require = createRequire(import.meta.url);
const { bootstrapRatio, median, testName, throughput, writeReceipt } = {
  ...require('../../dist/bench/index.js'),
  ...require('../../dist/bench/receipt.js'),
  ...require('../../dist/bench/stats.js'),
};

const flags = {
  model: 'text',
  gguf: 'text',
  'llama-bench': 'texts',
  prompt: 'list',
  gen: 'list',
  depth: 'list',
  threads: 'number',
  repetitions: 'number',
  out: 'text',
};

/** Measures every test on every engine and returns the receipts. */
export async function compare(options) {
  const { model, gguf, threads = 2, repetitions = 5, prompt = [], gen = [128], depth = [0] } = options;
  const tests = depth.flatMap((nDepth) =>
    [...prompt.map((nPrompt) => ({ nPrompt, nGen: 0 })), ...gen.map((nGen) => ({ nPrompt: 0, nGen }))]
      .filter(({ nPrompt, nGen }) => nPrompt + nGen > 0)
      // Keys and values in f16, as the peers keep them.
      .map((sizes) => ({ ...sizes, nDepth, nParallel: 1, cacheType: 'f16' })),
  );
  const length = Math.max(...tests.map((t) => t.nPrompt + t.nGen + t.nDepth));
  const engines = await startEngines({ model, gguf, threads, length, binaries: options['llama-bench'] ?? [] });
  try {
    const receipts = [];
    for (const test of tests) receipts.push(await measure(engines, test, { threads, repetitions, options }));
    return receipts;
  } finally {
    for (const { engine } of engines) await engine.stop();
  }
}

async function startEngines({ model, gguf, threads, length, binaries }) {
  const rotor = await startWorker('rotor.mjs', [model, threads, length]);
  const engines = [{ label: 'Rotor', file: model, engine: rotor, version: rotor.hello.facts.build_commit }];
  if (gguf === undefined)
    console.error('skipped: node-llama-cpp, as no --gguf FILE was given (test/bench/make-gguf.mjs)');
  else if (!fs.existsSync(new URL('node_modules/node-llama-cpp', import.meta.url)))
    console.error(
      'skipped: node-llama-cpp is not installed (npm install --omit=optional --ignore-scripts in test/bench)',
    );
  else {
    const engine = await startWorker('node-llama-cpp.mjs', [gguf, threads, length + 8]);
    engines.push({ label: 'node-llama-cpp', file: gguf, engine, version: engine.hello.version });
  }
  for (const given of binaries) {
    const [binary, file = gguf] = given.split(',');
    const label = `llama-bench ${path.basename(path.dirname(binary))} ${path.basename(file ?? '')}`;
    if (file === undefined || !fs.existsSync(binary))
      console.error(`skipped: ${given}, no such binary or no GGUF file`);
    else engines.push({ label, file, engine: llamaBench(binary, file, threads), version: '' });
  }
  return engines;
}

async function measure(engines, test, { threads, repetitions, options }) {
  const test_time = new Date().toISOString();
  const samples = engines.map(() => []);
  const bandwidths = [];
  for (const { engine } of engines) await engine.measure(test); // once unmeasured
  for (let i = 0; i < repetitions; i++) {
    for (const [e, entry] of engines.entries()) {
      const { ns, bandwidth, version } = await entry.engine.measure(test);
      samples[e].push(ns);
      if (bandwidth !== undefined) bandwidths.push(bandwidth);
      if (version !== undefined) entry.version = version;
    }
    console.error(`${testName(test)}: ${i + 1} of ${repetitions}`);
  }
  const results = engines.map(({ label, version, file }, e) => ({
    label,
    version,
    model_filename: path.basename(file),
    ...throughput(test.nPrompt + test.nGen, samples[e]),
  }));
  const [rotor, ...peers] = results;
  return {
    receipt_version: 1,
    kind: 'comparison',
    test: testName(test),
    command: `node test/bench/compare.mjs ${commandFlags(options)}`,
    test_time,
    ...engines[0].engine.hello.facts,
    n_threads: threads,
    n_prompt: test.nPrompt,
    n_gen: test.nGen,
    n_depth: test.nDepth,
    read_bandwidth: median(bandwidths),
    engines: results,
    ratios: peers.map((peer) => ({
      label: peer.label,
      ratio: rotor.median_ts / peer.median_ts,
      interval: bootstrapRatio(rotor.samples_ts, peer.samples_ts),
    })),
  };
}

function commandFlags(options) {
  return Object.entries(options)
    .flatMap(([name, value]) => (name === 'llama-bench' ? value : [value]).map((v) => `--${name} ${v}`))
    .join(' ');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = readFlags(process.argv.slice(2), flags);
  if (options.model === undefined) throw new Error('expected --model DIR, received none.');
  for (const receipt of await compare(options)) {
    const speeds = receipt.engines.map((e) => `${e.label} ${e.median_ts.toFixed(2)}`).join(', ');
    const ratios = receipt.ratios.map(
      (r) => `${r.ratio.toFixed(2)}x [${r.interval.map((x) => x.toFixed(2)).join(', ')}] ${r.label}`,
    );
    console.log(`${receipt.test}, ${receipt.n_threads} threads: ${speeds} tokens/s; ${ratios.join('; ')}`);
    if (options.out !== undefined) console.log(await writeReceipt(options.out, receipt));
  }
}
