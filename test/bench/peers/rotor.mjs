// Runs tests on Rotor in a process of its own: a test per line of JSON on standard input, nanoseconds on standard output, with the
// read bandwidth of the moment.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const { measureBandwidth, setThreads, buildFacts, machineFacts } = {
  ...require('../../../dist/index.js'),
  ...require('../../../dist/bench/index.js'),
};
const { loadBitNet } = require('../../../dist/load/load-model.js');
const { TestBed } = require('../../../dist/bench/tests.js');

const [path, threads, length] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const say = (value) => fs.writeSync(1, `${JSON.stringify(value)}\n`);
setThreads(threads);
const model = await loadBitNet(path);
say({ ready: true, facts: { ...(await buildFacts()), ...(await machineFacts()) } });

let bed;
let depth;
for await (const line of createInterface({ input: process.stdin })) {
  const test = JSON.parse(line);
  if (depth !== test.nDepth) {
    bed?.dispose();
    bed = new TestBed(model, test, length - test.nDepth);
    depth = test.nDepth;
    await bed.fill();
  }
  const before = await measureBandwidth(1);
  const start = process.hrtime.bigint();
  await bed.run(test);
  const ns = Number(process.hrtime.bigint() - start);
  say({ ns, bandwidth: before });
}
bed?.dispose();
model.dispose();
