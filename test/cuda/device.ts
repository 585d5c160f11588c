import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { native } from '../../src/native/addon';
import { deviceNumber } from '../../src/native/devices';

const release = join(__dirname, '../../build/Release');
const simulated = existsSync(join(release, 'librotor_cuda_sim.so'));

/** The simulated GPU, whose library `npm test` builds everywhere. */
export const simDevice = 'cuda-sim';

/** `describe`, or one visible skip where there is no simulator. */
export function describeCuda(name: string, body: () => void): void {
  if (simulated) describe(name, body);
  else test.skip(`${name}: skipped, run npm test, which builds the simulator`, () => undefined);
}

/** Ops that the simulated GPU has kernels for; none where there is no simulator. */
export function supportedOps(): readonly string[] {
  return simulated ? native().deviceProperties(deviceNumber(simDevice)).ops : [];
}
