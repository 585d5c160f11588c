import { bf16ToNumber, numberToBf16 } from '../tensor/dtype';
import { noise } from './case-data';
import type { CaseOperand, OpCase } from './schema';
import { quantizeRow } from './screen';

/** Sampler settings in the order of a parameter row. */
const off = { temperature: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, repetition: 1, presence: 0, frequency: 0 };

interface Row {
  readonly settings?: Partial<typeof off>;
  readonly pos?: number;
  readonly seen?: (r: number) => number;
  readonly bias?: (r: number) => number;
  /** What the activations are multiplied by. */
  readonly gain?: number;
}

interface Head {
  readonly V: number;
  readonly K: number;
  readonly dtype?: 'bf16' | 'f32';
  /** Changes the weights before they are rounded to the dtype. */
  readonly weight?: (value: number, r: number, k: number) => number;
}

function screenCase(
  name: string,
  { V, K, dtype = 'bf16', weight = (v) => v }: Head,
  rows: readonly Row[],
): OpCase<Record<string, never>> {
  const round = dtype === 'bf16' ? (v: number) => bf16ToNumber(numberToBf16(v)) : Math.fround;
  const w = noise(V * K, V + K).map((v, i) => round(weight(v, Math.floor(i / K), i % K)));
  const x = rows.flatMap(({ gain = 1 }, t) => noise(K, 100 + t).map((v) => v * gain));
  const coded = Array.from({ length: V }, (_, r) => quantizeRow(w.slice(r * K, (r + 1) * K)));
  const T = rows.length;
  const each = (get: (row: Row, r: number) => number): number[] =>
    rows.flatMap((row) => Array.from({ length: V }, (_, r) => get(row, r)));
  const inputs: CaseOperand[] = [
    { dtype: 'f32', shape: [T, K], data: x },
    { dtype, shape: [V, K], data: w },
    { dtype: 'i8', shape: [V, K], data: coded.flatMap(({ codes }) => Array.from(codes)) },
    { dtype: 'f32', shape: [V, 4], data: coded.flatMap(({ bounds }) => bounds) },
    { dtype: 'i32', shape: [T], data: rows.map(({ pos = 3 }) => pos) },
    { dtype: 'f32', shape: [T, 8], data: rows.flatMap(({ settings }) => Object.values({ ...off, ...settings })) },
    { dtype: 'i32', shape: [T, V], data: each(({ seen }, r) => seen?.(r) ?? 0) },
    { dtype: 'f32', shape: [T, V], data: each(({ bias }, r) => bias?.(r) ?? 0) },
  ];
  return { name, inputs, attrs: {} };
}

/** Greedy and top-k rows alone and side by side, penalties and bans, and everything that ends in the whole product. */
export function screenedLinearCases(): OpCase<Record<string, never>>[] {
  const prompt = 1 << 30;
  const drawn = { temperature: 1, topK: 5 };
  const head = { V: 331, K: 61 };
  return [
    screenCase('greedy', { V: 128, K: 64 }, [{}]),
    screenCase('top-k', head, [{ settings: drawn }]),
    screenCase('float32 weights', { ...head, dtype: 'f32' }, [{ settings: drawn }, {}]),
    screenCase('the whole head', head, [
      { settings: { temperature: 1 } },
      { settings: { temperature: 1, topK: 331 } },
      { settings: { temperature: 1, topK: 330 } },
      { settings: { temperature: NaN } },
      { settings: { repetition: 0 } },
    ]),
    screenCase('five rows, one of them idle', head, [{}, { settings: drawn }, { pos: -1 }, { gain: 1e-3 }, {}]),
    screenCase(
      'more rows than share a pass',
      { V: 96, K: 32 },
      Array.from({ length: 19 }, (_, t) => ({ settings: t % 3 === 0 ? drawn : {} })),
    ),
    screenCase('penalties', head, [
      { settings: { repetition: 1.3 }, seen: (r) => (r % 2 === 0 ? prompt : 0) },
      { settings: { presence: 2, frequency: 0.5 }, seen: (r) => (r % 3) + (r % 2) * prompt },
      { settings: { ...drawn, repetition: 0.7, presence: -1 }, seen: (r) => r % 4 },
    ]),
    screenCase('biases', head, [
      { bias: (r) => (r % 7) - 3 },
      { bias: (r) => (r === 5 ? 100 : 0) },
      { bias: (r) => (r % 2 === 0 ? -Infinity : 0) },
      { bias: (r) => (r === 17 || r === 300 ? 0 : -Infinity), settings: drawn },
      { bias: () => -Infinity },
      { bias: (r) => (r === 9 ? NaN : 0) },
      { bias: (r) => (r === 9 ? Infinity : 0) },
    ]),
    screenCase('rows of zeros', { ...head, weight: (v, r) => (r % 5 === 0 ? 0 : v) }, [{}, { gain: 0 }]),
    screenCase('outliers', { ...head, weight: (v, r, k) => (k === r % 61 ? 50 * v : v) }, [{}, { settings: drawn }]),
    screenCase('all rows equal', { ...head, weight: (_v, _r, k) => (k % 7) - 3 }, [{}, { settings: drawn }]),
    screenCase('denormal weights', { ...head, weight: (v) => v * 2 ** -130 }, [{}]),
    screenCase('denormal activations', head, [{ gain: 2 ** -140 }]),
    screenCase('products that could overflow', { ...head, weight: (v, r) => (r === 7 ? 1e36 * v : v) }, [
      { gain: 1e-3 },
      { gain: 1 },
    ]),
    screenCase('weights that are not finite', { ...head, weight: (v, r, k) => (r === 7 && k === 3 ? Infinity : v) }, [
      {},
    ]),
    screenCase('activations that are not finite', head, [{ gain: Infinity }, { gain: NaN }]),
    screenCase('a small vocabulary', { V: 3, K: 5 }, [{}, { settings: { temperature: 1, topK: 2 } }]),
    screenCase('no columns', { V: 9, K: 0 }, [{}]),
    screenCase('no rows', head, []),
  ];
}
