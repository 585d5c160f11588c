import { createHash } from 'node:crypto';
import { quantizeRows } from '../ops/screen';
import { ternaryFromParts } from '../ops/ternary-weights';
import { placeNeurons } from './dead-neurons';
import { fromTypedArray, tensor } from '../tensor/create';

const ROWS = 131;
const COLS = 1096;

/**
 * Identity of what the running CPU variant makes of weights: the SHA-256 of a fixed matrix as it packs it, and of the int8 copy
 * of another as an output head, and of where neurons go beside dead ones. A variant that changes its order changes this by itself; variants that share one share this.
 */
export function layoutFingerprint(): string {
  const bytes = new Uint8Array((2 * ROWS * COLS) / 8);
  let state = 1;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  const planes = fromTypedArray(bytes, { shape: [2, ROWS, COLS / 8] });
  const weight = ternaryFromParts([{ planes, scale: 1 }], COLS, 'cpu');
  const table = tensor(
    Float32Array.from(bytes.subarray(0, 7 * 64), (byte) => byte / 128 - 1),
    { shape: [7, 64] },
  );
  const head = quantizeRows(table);
  try {
    const hash = createHash('sha256').update(weight.packed.data());
    for (const part of head) hash.update(part.data());
    hash.update(placeNeurons(Array.from(bytes.subarray(0, 500), (byte) => byte > 200)));
    return hash.digest('hex');
  } finally {
    for (const part of [table, ...head]) part.dispose();
    planes.dispose();
    weight.dispose();
  }
}
