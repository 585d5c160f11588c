import { noise } from './case-data';
import type { OpCase } from './schema';

/** Sampler settings in the order of a parameter row. */
const off = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1, repetition: 1, presence: 0, frequency: 0 };

type Settings = Partial<typeof off>;
type Case = OpCase<Record<string, never>>;

/** One row: logits, settings, and what was seen. */
interface Row {
  readonly logits: readonly number[];
  readonly settings: Settings;
  readonly seen?: readonly number[];
  readonly bias?: readonly number[];
  readonly pos?: number;
}

function sampleCase(name: string, rows: readonly Row[]): Case {
  const vocab = rows[0]?.logits.length ?? 3;
  const ints = (shape: readonly number[], data: readonly number[]): Case['inputs'][number] => ({
    dtype: 'i32',
    shape,
    data,
  });
  const floats = (shape: readonly number[], data: readonly number[]): Case['inputs'][number] => ({
    dtype: 'f32',
    shape,
    data,
  });
  const b = rows.length;
  const blank = new Array<number>(vocab).fill(0);
  return {
    name,
    inputs: [
      floats(
        [b, vocab],
        rows.flatMap((r) => r.logits),
      ),
      ints(
        [b],
        rows.map(() => 7),
      ),
      ints(
        [b],
        rows.map((r, t) => r.pos ?? t),
      ),
      ints(
        [b],
        rows.map((_, t) => 3 * t),
      ),
      ints(
        [b, 2],
        rows.flatMap((_, t) => [t * 12345, -t]),
      ),
      floats(
        [b, 8],
        rows.flatMap((r) => Object.values({ ...off, ...r.settings })),
      ),
      ints(
        [b, vocab],
        rows.flatMap((r) => r.seen ?? blank),
      ),
      floats(
        [b, vocab],
        rows.flatMap((r) => r.bias ?? blank),
      ),
    ],
    attrs: {},
  };
}

/** Every filter alone and all together, on small, odd and many-chunk vocabularies; ties; idle and hopeless rows. */
export function sampleCases(): Case[] {
  const settings: Settings[] = [
    {},
    { temperature: 0 },
    { temperature: 0.3 },
    { topK: 1 },
    { topK: 5 },
    { topP: 0.7 },
    { minP: 0.2 },
    { typicalP: 0.5 },
    { temperature: 2, topK: 40, typicalP: 0.9, topP: 0.8, minP: 0.05 },
    { temperature: 1e-6 },
    { temperature: 100 },
  ];
  const rows = (vocab: number, spread: number): Row[] =>
    settings.map((s, i) => ({ logits: noise(vocab, i + 1).map((x) => x * spread), settings: s }));
  const prompt = 1 << 30;
  const seen = [0, prompt, 2, prompt + 1, 0];
  const bad = [
    [0, NaN, 1],
    [0, Infinity, 1],
    [-Infinity, -Infinity, -Infinity],
  ];
  return [
    sampleCase('no rows', []),
    sampleCase(
      'one token',
      settings.map((s) => ({ logits: [-3], settings: s })),
    ),
    sampleCase('small vocabulary', rows(7, 3)),
    sampleCase('odd vocabulary', rows(301, 8)),
    sampleCase('several chunks', rows(5003, 12)),
    sampleCase(
      'a flat distribution',
      settings.map((s) => ({ logits: new Array<number>(2500).fill(1.5), settings: s })),
    ),
    sampleCase('penalties', [
      { logits: [1, 2, -1, 3, 2.5], seen, settings: { temperature: 0, repetition: 1.5 } },
      { logits: [1, 2, -1, 3, 2.5], seen, settings: { temperature: 0, presence: 1 } },
      { logits: [1, 2, 3.5, 3, 2], seen, settings: { temperature: 0, frequency: 0.8 } },
      { logits: [1, 2, -1, 3, 2.5], seen, settings: { repetition: 1.2, presence: 0.5, frequency: 0.25 } },
    ]),
    sampleCase('bias', [
      { logits: [5, 4, 3], bias: [-Infinity, 0, 0.5], settings: { temperature: 0 } },
      { logits: [5, 4, 3], bias: [-Infinity, 0, -Infinity], settings: {} },
      { logits: [0, 0, 0], bias: [0, 0, 100], settings: {} },
    ]),
    sampleCase('idle rows', [
      { logits: [NaN, 1], settings: {}, pos: -1 },
      { logits: [0, 1], settings: {}, pos: 9 },
      { logits: [0, 1], settings: {}, pos: -1 },
    ]),
    sampleCase(
      'nothing to draw',
      bad.flatMap((logits) => [
        { logits, settings: {} },
        { logits, settings: { temperature: 0 } },
      ]),
    ),
    sampleCase('odd settings', [
      { logits: [1, 2, 3], settings: { topP: 0 } },
      { logits: [1, 2, 3], settings: { minP: 2 } },
      { logits: [1, 2, 3], settings: { typicalP: 0 } },
      { logits: [1, 2, 3], settings: { topK: 1e9 } },
      { logits: [1, 2, 3], settings: { temperature: -1 } },
      { logits: [1, 2, 3], settings: { temperature: Infinity } },
      { logits: [1, 2, 3], settings: { temperature: NaN } },
      { logits: [1, 2, 3], settings: { topP: NaN, minP: NaN, typicalP: NaN, topK: NaN } },
      { logits: [1, 2, 3], settings: { repetition: 0 }, seen: [1, 0, 0] },
      { logits: [3e38, -3e38, 1e-40], settings: { temperature: 1e-40 } },
    ]),
  ];
}
