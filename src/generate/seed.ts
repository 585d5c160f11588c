/** Key of the random generator: a whole number from 0 below 2^64. */
export type Seed = number | bigint;

/** Whether a value is a seed. */
export function isSeed(value: unknown): value is Seed {
  if (typeof value === 'bigint') return value >= 0n && value < 1n << 64n;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** A seed that fits a JSON number. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}

/** The two 32-bit words of a seed, the lower one first. */
export function seedWords(seed: Seed): [number, number] {
  const s = BigInt(seed);
  return [Number(BigInt.asIntN(32, s)), Number(BigInt.asIntN(32, s >> 32n))];
}
