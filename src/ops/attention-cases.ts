import type { DType } from '../tensor/dtype';
import { noise } from './case-data';
import type { CacheType } from './kv';
import { cacheTypes } from './kv';
import type { OpCase } from './schema';

type Input = OpCase<unknown>['inputs'][number];

/** Inputs of one attention test. Everything that a row must not read is NaN. */
export interface AttentionCase {
  readonly name: string;
  readonly q: Input;
  readonly keys: Input;
  readonly values: Input;
  /** Scales of an int8 cache, else none. */
  readonly keyScales: readonly Input[];
  readonly valueScales: readonly Input[];
  /** Weights that add up to 1 over the positions a row may see. */
  readonly pattern: Input;
  readonly slot: Input;
  readonly pos: Input;
  readonly scale: number;
}

/** Shapes of a case: heads, key/value heads, head size, cache positions, and (slot, position) of each row. */
function attentionCase(
  dtype: CacheType,
  name: string,
  heads: number,
  kvHeads: number,
  size: number,
  positions: number,
  rows: readonly (readonly [number, number])[],
): AttentionCase {
  const slots = rows.reduce((n, [slot]) => Math.max(n, slot + 1), 1);
  const count = rows.length;
  // NaN, or codes that would show, wherever no row looks; `width` numbers a position.
  const cache = (seed: number, kind: DType, width: number): Input => {
    const data = noise(slots * kvHeads * positions * width, seed).map((x) => (kind === 'i8' ? Math.trunc(127 * x) : x));
    for (let s = 0; s < slots; s++) {
      const last = rows.reduce((n, [slot, pos]) => (slot === s ? Math.max(n, pos) : n), -1);
      for (let g = 0; g < kvHeads; g++) {
        const at = (s * kvHeads + g) * positions * width;
        data.fill(kind === 'i8' ? -128 : NaN, at + (last + 1) * width, at + positions * width);
      }
    }
    return { dtype: kind, shape: [slots, kvHeads, positions, width], data };
  };
  const scales = (seed: number): Input[] => {
    if (dtype !== 'i8') return [];
    const { shape, data } = cache(seed, 'f32', 1);
    return [{ dtype: 'f32', shape: shape.slice(0, 3), data: Array.from(data, (x) => (1.01 + x) / 254) }];
  };
  const pattern: number[] = [];
  for (let h = 0; h < heads; h++) {
    for (const [t, [, pos]] of rows.entries()) {
      const weights = noise(pos + 1, h * count + t + 1).map((x) => x + 1.01);
      const sum = weights.reduce((a, b) => a + b, 0);
      for (let p = 0; p < positions; p++) pattern.push(p <= pos ? weights[p] / sum : NaN);
    }
  }
  return {
    name: `${dtype}, ${name}`,
    q: { dtype: 'f32', shape: [count, heads, size], data: noise(count * heads * size, 11).map((x) => 2 * x) },
    keys: cache(12, dtype, size),
    values: cache(13, dtype, size),
    keyScales: scales(14),
    valueScales: scales(15),
    pattern: { dtype: 'f32', shape: [heads, count, positions], data: pattern },
    slot: { dtype: 'i32', shape: [count], data: rows.map(([slot]) => slot) },
    pos: { dtype: 'i32', shape: [count], data: rows.map(([, pos]) => pos) },
    scale: 1 / Math.sqrt(size),
  };
}

/** Groups of 1, 2, 3, 4 and 5 heads, odd head sizes, several slots, idle rows, lengths around the blocks of 64 and 128 positions, every cache type. */
export function gqaCases(): AttentionCase[] {
  return cacheTypes.flatMap((dtype) => [
    attentionCase(dtype, 'no rows', 2, 1, 4, 3, []),
    attentionCase(dtype, 'one position', 1, 1, 2, 3, [[0, 0]]),
    attentionCase(
      dtype,
      'prefill in order',
      4,
      2,
      16,
      6,
      [0, 1, 2, 3, 4].map((p) => [0, p] as const),
    ),
    attentionCase(dtype, 'slots and idle rows', 6, 2, 18, 9, [
      [1, 8],
      [0, -1],
      [0, 3],
      [2, 5],
      [1, -1],
    ]),
    attentionCase(dtype, 'around a block', 5, 1, 33, 300, [
      [0, 62],
      [0, 63],
      [0, 64],
      [0, 127],
      [0, 128],
      [0, 129],
      [0, 255],
      [0, 256],
      [0, 290],
    ]),
    attentionCase(dtype, 'the shape of the 2B model', 20, 5, 128, 70, [
      [0, 66],
      [1, 17],
    ]),
  ]);
}
