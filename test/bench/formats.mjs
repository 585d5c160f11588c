// What each weight format costs on this machine: builds and runs formats.cc and writes a receipt.
//
//   node test/bench/formats.mjs [--threads 2] [--megabytes 512] [--out DIR]
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
const { buildFacts, machineFacts } = require('../../dist/bench/index.js');

/** Runs the study and returns its receipt; rates are in 10^9 multiply-accumulates per second, one entry per number of threads. */
export async function measureFormats({ threads = 2, megabytes = 512 } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rotor-formats-'));
  try {
    const sources = ['formats.cc', 'format_kernels.cc'].map((name) => new URL(name, import.meta.url).pathname);
    const program = path.join(folder, 'formats');
    const flags = ['-std=c++17', '-O3', '-mavx2', '-pthread'];
    await run('g++', [...flags, ...sources, '-o', program]);
    const test_time = new Date().toISOString();
    const { stdout } = await run(program, [String(threads), String(megabytes)]);
    const result = JSON.parse(stdout);
    const compiler = (await run('g++', ['-dumpfullversion'])).stdout.trim();
    return {
      receipt_version: 1,
      kind: 'formats',
      test: 'formats',
      command: `node test/bench/formats.mjs --threads ${threads} --megabytes ${megabytes}`,
      test_time,
      ...(await buildFacts()),
      ...(await machineFacts()),
      compiler: `GNU ${compiler} ${flags.join(' ')}`,
      n_threads: threads,
      ...result,
      formats: result.formats.map((format) => ({ ...format, ...limits(format, result, threads) })),
    };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

// Percent of what the machine allows: by the rate at which it issues the format's multiplications and shuffles, and from memory by
// its bandwidth where that is lower.
function limits({ bits, cache, memory, multiplies_per_mac, shuffles_per_mac }, result, threads) {
  const seconds = multiplies_per_mac / result.maddubs_per_second + shuffles_per_mac / result.pshufb_per_second;
  const issue = seconds > 0 ? 1 / seconds / 1e9 : null;
  const counts = Array.from({ length: threads }, (_, t) => t + 1);
  const bandwidth = counts.map((t) => (result.read_bandwidth[t - 1] * 8) / bits / 1e9);
  return {
    issue_limit: issue === null ? null : counts.map((t) => t * issue),
    bandwidth_limit: bandwidth,
    cache_percent: issue === null ? null : counts.map((t) => (100 * cache[t - 1]) / (t * issue)),
    memory_percent: counts.map(
      (t) => (100 * memory[t - 1]) / Math.min(bandwidth[t - 1], issue === null ? Infinity : t * issue),
    ),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { out, ...options } = readFlags(process.argv.slice(2), { threads: 'number', megabytes: 'number', out: 'text' });
  const receipt = await measureFormats(options);
  for (const f of receipt.formats) {
    const text = (values) => values.map((v) => v.toFixed(1)).join(' / ');
    console.log(
      `${f.name.padEnd(24)} ${f.bits} bit  cache ${text(f.cache)}  memory ${text(f.memory)} GMAC/s, ${text(f.memory_percent)} % of the limit`,
    );
  }
  if (out !== undefined) {
    fs.mkdirSync(out, { recursive: true });
    fs.writeFileSync(path.join(out, 'formats.json'), `${JSON.stringify(receipt, undefined, 2)}\n`);
  }
}
