/** Four random words, or the counter they come from. */
export type PhiloxWords = readonly [number, number, number, number];

// The upper 32 bits of the 64-bit product of two unsigned words.
function mulHigh(a: number, b: number): number {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = ah * bl + Math.floor((al * bl) / 65536);
  return ah * bh + Math.floor(middle / 65536) + Math.floor((al * bh + (middle % 65536)) / 65536);
}

/**
 * Philox4x32-10: four random 32-bit words for a counter of four words and a key of two. Counter-based, so that any
 * part of a stream can be made on its own. The native twin is `cpp/cpu/kernels/philox.inl`.
 *
 * Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
export function philox(counter: PhiloxWords, key: readonly [number, number]): PhiloxWords {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const next0 = mulHigh(0xcd9e8d57, c2) ^ c1 ^ k0;
    const next2 = mulHigh(0xd2511f53, c0) ^ c3 ^ k1;
    c1 = Math.imul(0xcd9e8d57, c2);
    c3 = Math.imul(0xd2511f53, c0);
    c0 = next0;
    c2 = next2;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}
