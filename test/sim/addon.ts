import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The addon with the targets that this CPU lacks, emulated. `npm test` builds it where it finds the headers of SIMDe. */
export const simAddon = join(__dirname, '../../build/Release/rotor-sim.node');

/** The emulated targets: the sources of `avx512` and `amx`. */
export const simVariants = ['avx512-sim', 'amx-sim'] as const;

const found = existsSync(simAddon);

/** `describe`, or a visible skip where there is no such addon. */
export function describeSim(name: string, body: () => void): void {
  if (found) describe(name, body);
  else describe.skip(`${name}: skipped, install libsimde-dev and run npm test`, body);
}
