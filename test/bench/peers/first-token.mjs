// Loads a model, generates greedily from its first token, and tells when the first token was there: a process of its own, as
// starting is what is measured.
//
//   node first-token.mjs MODEL THREADS TOKENS CACHE_FOLDER
import fs from 'node:fs';
import { createRequire } from 'node:module';

const { loadModel } = createRequire(import.meta.url)('../../../dist/index.js');
const [path, threads, tokens, cache] = process.argv.slice(2);
const model = await loadModel(path, { threads: Number(threads), cache });
const loadedMs = performance.now();
const resident = () => process.resourceUsage().maxRSS * 1024;
let firstMs;
let firstRss;
const generation = model.generate([model.config.bosTokenId ?? 0], {
  maxTokens: Number(tokens),
  temperature: 0,
  ignoreEos: true,
});
for await (const _ of generation) {
  firstMs ??= performance.now();
  firstRss ??= resident();
}
fs.writeSync(1, JSON.stringify({ loadedMs, firstMs, firstRss, peakRss: resident() }));
model.dispose();
