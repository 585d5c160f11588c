import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { generate } from '../../src/generate';
import type { BitNet } from '../../src/model/bitnet';
import { loadBitNet } from '../../src/load/load-model';
import { getThreads, setThreads } from '../../src/native/device-info';
import { prompts, tinyModel } from '../generate/models';
import { MODELS } from '../load/fixtures';

const library = join(__dirname, '../../dist/index.js');
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const options = { maxTokens: 24, ignoreEos: true, temperature: 0.8, seed: 5 };

let model: BitNet;
let expected: readonly number[];
const before = getThreads();

async function drawn(from: BitNet, prompt = prompts[1]): Promise<readonly number[]> {
  return (await generate(from, [prompt], options).result())[0].ids;
}

beforeAll(async () => {
  model = await tinyModel();
  setThreads(2);
  expected = await drawn(model);
});
afterAll(() => {
  model.dispose();
  setThreads(before);
});

test('threads sleep soon after a step', async () => {
  await drawn(model);
  await sleep(50);
  const start = process.cpuUsage();
  await sleep(400);
  const { user, system } = process.cpuUsage(start);
  // A thread that went on spinning would use 400 ms; timers and the collector need some.
  expect((user + system) / 1000).toBeLessThan(100);
});

test('two models of one process, running at once, do not disturb each other', async () => {
  const other = await loadBitNet(MODELS.odd);
  const short = [0, 5, 9];
  const alone = await drawn(other, short);
  const results = await Promise.all([drawn(model), drawn(other, short), drawn(model), drawn(other, short)]);
  other.dispose();
  expect(results).toEqual([expected, alone, expected, alone]);
});

test('more threads than cores, and another number between steps, give the same bits', async () => {
  for (const threads of [1, 7, 3]) {
    setThreads(threads);
    expect(await drawn(model)).toEqual(expected);
  }
  setThreads(2);
});

test('the number of threads may change while a generation runs', async () => {
  const running = drawn(model);
  for (const threads of [3, 1, 2]) {
    await sleep(1);
    setThreads(threads);
  }
  expect(await running).toEqual(expected);
});

test('worker_threads have the library to themselves', async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { loadModel } = require(workerData.library);
    (async () => {
      const model = await loadModel(workerData.path);
      const [result] = await model.generate(workerData.prompt, workerData.options).result();
      model.dispose();
      parentPort.postMessage(result.ids);
    })();`;
  const workerData = { library, path: MODELS.tiny, prompt: prompts[1], options };
  const inWorker = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(source, { eval: true, workerData });
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the worker ended with code ${code} and no result`)));
    });
  const results = await Promise.all([inWorker(), inWorker(), drawn(model)]);
  expect(results).toEqual([expected, expected, expected]);
});
