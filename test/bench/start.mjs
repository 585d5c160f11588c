// How long a start takes and how much memory a process holds then: from the packed cache, and the first time, when it is made. Each
// sample is a new process; the files are in the memory of the system, as after a recent start.
//
//   node test/bench/start.mjs --model DIR [--threads 2] [--repetitions 5] [--tokens 64] [--out DIR]
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { readFlags } from './flags.mjs';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const { buildFacts, machineFacts, bootstrapInterval, median } = require('../../dist/bench/index.js');
const script = new URL('peers/first-token.mjs', import.meta.url).pathname;

/**
 * Two receipts, `first load` and `start`: milliseconds from the start of the process until the weights are there and until the first
 * token is, and the most memory that was resident up to the first and up to the last of `tokens` tokens. Between them lie the pages of
 * the mapped head that were looked at, which the system may take back.
 */
export async function measureStart({ model, threads = 2, repetitions = 5, tokens = 64, folder = os.tmpdir() }) {
  const shared = {
    receipt_version: 1,
    kind: 'start',
    command: `node test/bench/start.mjs --model ${model} --threads ${threads} --repetitions ${repetitions} --tokens ${tokens}`,
    ...(await buildFacts()),
    ...(await machineFacts()),
    n_threads: threads,
    n_gen: tokens,
  };
  const cache = fs.mkdtempSync(path.join(folder, 'rotor-start-'));
  const sample = async () => {
    const args = [script, model, threads, tokens, cache].map(String);
    return JSON.parse((await run(process.execPath, args)).stdout);
  };
  const empty = () => fs.readdirSync(cache).forEach((name) => fs.rmSync(path.join(cache, name), { recursive: true }));
  try {
    const firstTime = new Date().toISOString();
    const first = [];
    for (let i = 0; i < repetitions; i++) {
      empty();
      first.push(await sample());
    }
    const test_time = new Date().toISOString();
    await sample(); // once unmeasured
    const later = [];
    for (let i = 0; i < repetitions; i++) later.push(await sample());
    return [
      { ...shared, test: 'first load', test_time: firstTime, ...statistics(first) },
      { ...shared, test: 'start', test_time, ...statistics(later) },
    ];
  } finally {
    fs.rmSync(cache, { recursive: true });
  }
}

function statistics(samples) {
  const of = (name, key) => {
    const values = samples.map((s) => s[key]);
    return { [`samples_${name}`]: values, [name]: median(values), [`interval_${name}`]: bootstrapInterval(values) };
  };
  return {
    ...of('loaded_ms', 'loadedMs'),
    ...of('first_token_ms', 'firstMs'),
    ...of('first_rss_bytes', 'firstRss'),
    ...of('peak_rss_bytes', 'peakRss'),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { out, ...options } = readFlags(process.argv.slice(2), {
    model: 'text',
    threads: 'number',
    repetitions: 'number',
    tokens: 'number',
    out: 'text',
  });
  if (options.model === undefined) throw new Error('expected --model DIR, received none.');
  const receipts = await measureStart(options);
  for (const r of receipts) {
    const gigabytes = (bytes) => (bytes / 1e9).toFixed(2);
    const seconds = (ms) => (ms / 1000).toFixed(2);
    console.log(
      `${r.test}: weights after ${seconds(r.loaded_ms)} s, first token after ${seconds(r.first_token_ms)} s, ${gigabytes(r.first_rss_bytes)} GB resident then and ${gigabytes(r.peak_rss_bytes)} GB at the end`,
    );
  }
  if (out !== undefined) {
    fs.mkdirSync(out, { recursive: true });
    fs.writeFileSync(path.join(out, 'start.json'), `${JSON.stringify(receipts, undefined, 2)}\n`);
  }
}
