// Runs tests on node-llama-cpp in a process of its own: a test per line of JSON on standard input, seconds on standard output.
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { getLlama } from 'node-llama-cpp';

const [file, threads, length] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const say = (value) => fs.writeSync(1, `${JSON.stringify(value)}\n`);

const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
// As llama-bench: chunks of 512 and keys and values in f16, both its defaults.
const context = await model.createContext({ contextSize: length, batchSize: 512, threads, sequences: 1 });
const sequence = context.getSequence();
const id = (i) => (i * 7919 + 13) % 100000;
const { version } = JSON.parse(
  fs.readFileSync(new URL('../node_modules/node-llama-cpp/package.json', import.meta.url)),
);
say({ ready: true, version });

for await (const line of createInterface({ input: process.stdin })) {
  const { nPrompt, nGen, nDepth } = JSON.parse(line);
  // What lies before the depth stays from the run before, where there is one.
  if (sequence.nextTokenIndex < nDepth)
    await sequence.evaluateWithoutGeneratingNewTokens(Array.from({ length: nDepth }, (_, i) => id(i)));
  else await sequence.eraseContextTokenRanges([{ start: nDepth, end: sequence.nextTokenIndex }]);
  const prompt = Array.from({ length: nPrompt }, (_, i) => id(nDepth + i));
  const start = process.hrtime.bigint();
  if (nPrompt > 0) await sequence.evaluateWithoutGeneratingNewTokens(prompt);
  let count = 0;
  if (nGen > 0) {
    for await (const _ of sequence.evaluate([id(nDepth + nPrompt)], { temperature: 0, yieldEogToken: true })) {
      if (++count === nGen) break;
    }
  }
  const ns = Number(process.hrtime.bigint() - start);
  say(count === nGen ? { ns } : { error: `expected ${nGen} tokens, received ${count}` });
}
await llama.dispose();
