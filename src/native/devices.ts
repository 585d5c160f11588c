import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { guarded, native } from './addon';
import { DeviceError } from './errors';

const libraries: Record<string, { file: string; missing: string }> = {
  cuda: {
    file: 'librotor_cuda.so',
    missing:
      'It is built where nvcc, the compiler of the CUDA toolkit, and an NVIDIA driver are found. Install them and run "npm start" again, or use the cpu.',
  },
  'cuda-sim': { file: 'librotor_cuda_sim.so', missing: 'It is for tests: run "npm test", which builds it.' },
};

const opened = new Map<string, number>();

/**
 * Number by which the addon knows a device: 0 for `cpu`; others are opened the first time.
 *
 * @param name `cpu`, `cuda`, `cuda:1` and so on, or `cuda-sim`
 * @throws DeviceError saying what is missing: the library, the driver, or the GPU
 */
export function deviceNumber(name: string): number {
  if (name === 'cpu') return 0;
  const known = opened.get(name);
  if (known !== undefined) return known;
  const [family, index] = name.split(':');
  const { file, missing } = libraries[family];
  const path = join(__dirname, '..', '..', 'build', 'Release', file);
  if (!existsSync(path)) {
    throw new DeviceError(`expected the library of "${family}" at ${path}, received no file. ${missing}`, {
      op: 'device',
    });
  }
  const number = guarded(() => native().openDevice(name, path, Number(index ?? 0)));
  opened.set(name, number);
  return number;
}
