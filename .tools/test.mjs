// All checks and all tests. Arguments go to jest and leave the checks out: npm test -- test/text
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as declarations from './checks/declarations.mjs';
import * as files from './checks/files.mjs';
import * as format from './checks/format.mjs';
import * as layers from './checks/layers.mjs';
import * as lint from './checks/lint.mjs';
import * as notebooks from './checks/notebooks.mjs';
import * as testTypes from './checks/test-types.mjs';
import { runMain, say, seconds } from './lib/log.mjs';
import { inRoot, out } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';
import { fetchCudaTools } from './steps/cuda-tools.mjs';

const checks = [files, layers, notebooks, format, lint, testTypes, declarations];
const shown = 40;

async function runChecks() {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { title, check } of checks) {
    const start = performance.now();
    const problems = await check();
    count[problems.length === 0 ? 'passed' : 'failed']++;
    say(`- ${title}: ${problems.length === 0 ? 'passed' : 'FAILED'} (${seconds(start)})`);
    problems.slice(0, shown).forEach((problem) => say(`    ${problem}`));
    if (problems.length > shown) say(`    … and ${problems.length - shown} more lines`);
  }
  return count;
}

async function runJest(args) {
  const report = path.join(out, 'jest.json');
  fs.rmSync(report, { force: true });
  fs.mkdirSync(out, { recursive: true });
  const workers = `--maxWorkers=${Math.min(4, os.availableParallelism())}`;
  const jest = [inRoot('node_modules/jest/bin/jest.js'), workers, '--json', `--outputFile=${report}`, ...args];
  const { code } = await run(process.execPath, jest, { inherit: true });
  if (!fs.existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(fs.readFileSync(report, 'utf8'));
  // A file that could not even be loaded counts one failure: none of its tests were seen.
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return {
    passed: result.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

await runMain(async () => {
  const start = performance.now();
  const args = process.argv.slice(2);
  await setup({ jupyter: false, sim: true });
  await fetchCudaTools();
  const none = { passed: 0, failed: 0, skipped: 0 };
  const fromChecks = args.length > 0 ? none : await runChecks();
  const fromJest = await runJest(args);
  const sum = (key) => fromChecks[key] + fromJest[key];
  say(`\nChecks and tests took ${seconds(start)}.`);
  say(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return sum('failed') === 0 && sum('passed') > 0 ? 0 : 1;
});
