// cpp/ -> build/Release/rotor.node by cmake-js. Offline: "binary.napi_versions" in package.json selects the headers that
// the node-api-headers package brings, so nothing of Node's own is downloaded or needed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { hashFiles, readText, walk, writeText } from '../lib/files.mjs';
import { say, step, ToolError } from '../lib/log.mjs';
import { inRoot } from '../lib/paths.mjs';
import { must, which } from '../lib/run.mjs';

/** What the build needs and this machine lacks, as Debian package names. `has` tells whether a command exists. */
export function missingBuildTools(has, compiler = process.env.CXX) {
  const missing = [];
  if (!has('cmake')) missing.push('cmake');
  if (compiler ? !has(compiler.split(' ')[0]) : !['c++', 'g++', 'clang++'].some(has)) missing.push('g++');
  if (!['ninja', 'make', 'gmake'].some(has)) missing.push('ninja-build');
  return missing;
}

export function missingToolsMessage(missing) {
  const what = { cmake: 'CMake', 'g++': 'a C++ compiler', 'ninja-build': 'ninja or make' };
  return [
    `Rotor's native addon cannot be built: ${missing.map((name) => what[name]).join(' and ')} not found on PATH.`,
    `Debian and Ubuntu: apt-get install ${missing.join(' ')}`,
    'macOS: xcode-select --install, and brew install cmake ninja',
    'Then run the same command again.',
  ].join('\n');
}

/** Whether the headers that emulate other CPUs' instructions are there (Debian and Ubuntu: apt-get install libsimde-dev). */
function simdeFound() {
  const includes = [
    '/usr/include',
    '/usr/local/include',
    '/opt/homebrew/include',
    ...(process.env.CPATH ?? '').split(':'),
  ];
  return process.arch === 'x64' && includes.some((dir) => dir && fs.existsSync(`${dir}/simde/x86/avx512.h`));
}

/** nvcc, where CMake looks for it too; the environment's ROTOR_CUDA=OFF leaves librotor_cuda out. */
function nvccFound() {
  if (process.env.ROTOR_CUDA === 'OFF') return undefined;
  const inCuda = (dir) => dir && which(path.join(dir, 'bin/nvcc'));
  return inCuda(process.env.CUDA_PATH) ?? which('nvcc') ?? inCuda('/usr/local/cuda');
}

/** Builds the addon and, for tests that ask for it, the simulated GPU and the addon with emulated targets, where that can be had. */
export async function buildAddon({ sim = false } = {}) {
  const addon = inRoot('build/Release/rotor.node');
  const simAddon = inRoot('build/Release/rotor-sim.node');
  const withSim = sim && simdeFound();
  const cudaSim = inRoot('build/Release/librotor_cuda_sim.so');
  if (sim && !withSim) say('- no headers of SIMDe (libsimde-dev): tests of kernels for other CPUs are skipped');
  const stampFile = inRoot('build/.stamp');
  const sources = [
    ...walk(inRoot('cpp')),
    ...walk(inRoot('cuda')),
    ...walk(inRoot('test/cuda')),
    inRoot('CMakeLists.txt'),
    inRoot('package.json'),
  ];
  const stamp = hashFiles(sources, process.platform, process.arch, nvccFound() ?? '');
  const built = fs.existsSync(addon) && readText(stampFile) === stamp;
  if (built && (!withSim || fs.existsSync(simAddon)) && (!sim || fs.existsSync(cudaSim))) return;
  const missing = missingBuildTools((command) => which(command) !== undefined);
  if (missing.length > 0) throw new ToolError(missingToolsMessage(missing));
  await step('native addon', async () => {
    let shown = 0;
    const onLine = (line) => {
      const percent = Number(
        /^\[\s*(\d+)(?:%|\/(\d+))/
          .exec(line)
          ?.slice(1)
          .reduce((a, b) => (b ? (100 * a) / b : a)),
      );
      if (percent >= shown + 20) process.stdout.write(`  compiled ${Math.round((shown = percent))} %\n`);
    };
    const cmake = (...args) => {
      const tool = inRoot('node_modules/cmake-js/bin/cmake-js');
      return must(process.execPath, [tool, ...args], 'The native addon did not compile', { onLine, tail: 60 });
    };
    for (const file of [simAddon, cudaSim]) fs.rmSync(file, { force: true }); // never one of other sources than the addon
    const onOff = (flag) => (flag ? 'ON' : 'OFF');
    const options = [
      `--CDROTOR_SIM=${onOff(withSim)}`,
      `--CDROTOR_CUDA_SIM=${onOff(sim)}`,
      `--CDROTOR_CUDA=${process.env.ROTOR_CUDA ?? 'AUTO'}`,
    ];
    await cmake('configure', ...options); // options are read by this step only
    await cmake('compile', '--parallel', String(os.availableParallelism()));
    if (!fs.existsSync(addon)) throw new ToolError('The build ended without build/Release/rotor.node.');
    writeText(stampFile, stamp);
  });
}
