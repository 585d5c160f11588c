import { noise } from './case-data';
import type { OpCase } from './schema';

type Input = OpCase<unknown>['inputs'][number];

/** Inputs of one attention test. Everything that a row must not read is NaN. */
export interface AttentionCase {
  readonly name: string;
  readonly q: Input;
  readonly keys: Input;
  readonly values: Input;
  /** Weights that add up to 1 over the positions a row may see. */
  readonly pattern: Input;
  readonly slot: Input;
  readonly pos: Input;
  readonly scale: number;
}

/** Shapes of a case: heads, key/value heads, head size, cache positions, and (slot, position) of each row. */
function attentionCase(
  name: string,
  heads: number,
  kvHeads: number,
  size: number,
  positions: number,
  rows: readonly (readonly [number, number])[],
): AttentionCase {
  const slots = rows.reduce((n, [slot]) => Math.max(n, slot + 1), 1);
  const count = rows.length;
  const cache = (seed: number): Input => {
    const data = noise(slots * kvHeads * positions * size, seed);
    for (let s = 0; s < slots; s++) {
      const last = rows.reduce((n, [slot, pos]) => (slot === s ? Math.max(n, pos) : n), -1);
      for (let g = 0; g < kvHeads; g++) {
        const at = (s * kvHeads + g) * positions * size;
        data.fill(NaN, at + (last + 1) * size, at + positions * size);
      }
    }
    return { dtype: 'f32', shape: [slots, kvHeads, positions, size], data };
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
    name,
    q: { dtype: 'f32', shape: [count, heads, size], data: noise(count * heads * size, 11).map((x) => 2 * x) },
    keys: cache(12),
    values: cache(13),
    pattern: { dtype: 'f32', shape: [heads, count, positions], data: pattern },
    slot: { dtype: 'i32', shape: [count], data: rows.map(([slot]) => slot) },
    pos: { dtype: 'i32', shape: [count], data: rows.map(([, pos]) => pos) },
    scale: 1 / Math.sqrt(size),
  };
}

/** Groups of 1, 2, 3, 4 and 5 heads, odd head sizes, several slots, idle rows, lengths around the block of 64 positions. */
export function gqaCases(): AttentionCase[] {
  return [
    attentionCase('no rows', 2, 1, 4, 3, []),
    attentionCase('one position', 1, 1, 2, 3, [[0, 0]]),
    attentionCase(
      'prefill in order',
      4,
      2,
      16,
      6,
      [0, 1, 2, 3, 4].map((p) => [0, p] as const),
    ),
    attentionCase('slots and idle rows', 6, 2, 18, 9, [
      [1, 8],
      [0, -1],
      [0, 3],
      [2, 5],
      [1, -1],
    ]),
    attentionCase('around a block', 5, 1, 33, 140, [
      [0, 62],
      [0, 63],
      [0, 64],
      [0, 127],
      [0, 129],
    ]),
    attentionCase('the shape of the 2B model', 20, 5, 128, 70, [
      [0, 66],
      [1, 17],
    ]),
  ];
}
