import { greedy, promptBit } from '../../src/model/step-state';
import { native } from '../../src/native/addon';
import { ShapeError } from '../../src/native/errors';
import { noise } from '../../src/ops/case-data';
import type { SampleState } from '../../src/ops/sample';
import { sample_, sampleDistribution, sampleUniform } from '../../src/ops/sample';
import { tensor, zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';
import { samplerState, type Settings } from './sampler-state';

// Draws without a filter.
const off = { ...greedy, temperature: 1 };

// Rows with the same settings, row t with seed (t, seed).
function state(rows: number, vocab: number, settings: Settings, seed = 1): SampleState {
  const s = samplerState(new Array<Settings>(rows).fill({ ...off, ...settings }), vocab);
  for (let t = 0; t < rows; t++) s.seed.data().set([t, seed], 2 * t);
  return s;
}

const rowsOf = (logits: readonly number[], rows: number): Tensor =>
  tensor(
    Float32Array.from({ length: rows * logits.length }, (_, i) => logits[i % logits.length]),
    { shape: [rows, logits.length] },
  );

// Tokens of `rows` independent draws.
function draws(
  logits: readonly number[],
  rows: number,
  settings: Settings,
  prepare?: (s: SampleState) => void,
): number[] {
  const s = state(rows, logits.length, settings);
  prepare?.(s);
  sample_(rowsOf(logits, rows), s);
  return Array.from(s.token.data());
}

function support(logits: readonly number[], settings: Settings, prepare?: (s: SampleState) => void): number[] {
  return [...new Set(draws(logits, 2000, settings, prepare))].sort((a, b) => a - b);
}

const logs = (...p: number[]): number[] => p.map(Math.log);

describe('filters, by hand', () => {
  const p = logs(0.1, 0.4, 0.05, 0.25, 0.2);

  test('top-k keeps the k most likely', () => {
    expect(support(p, { topK: 1 })).toEqual([1]);
    expect(support(p, { topK: 3 })).toEqual([1, 3, 4]);
    expect(support(p, { topK: 5 })).toEqual([0, 1, 2, 3, 4]);
    expect(support(p, { topK: 99 })).toEqual([0, 1, 2, 3, 4]);
  });

  test('top-k keeps k tokens of equal logits, the lowest ids', () => {
    expect(support([1, 2, 2, 2, 1], { topK: 2 })).toEqual([1, 2]);
    expect(support(new Array<number>(50).fill(0), { topK: 3 })).toEqual([0, 1, 2]);
  });

  test('top-p keeps the token that crosses the mass', () => {
    expect(support(p, { topP: 0.39 })).toEqual([1]);
    expect(support(p, { topP: 0.41 })).toEqual([1, 3]);
    expect(support(p, { topP: 0.66 })).toEqual([1, 3, 4]);
    expect(support(p, { topP: 0.94 })).toEqual([0, 1, 3, 4]);
    expect(support(p, { topP: 0 })).toEqual([1]);
  });

  test('top-p counts what top-k left as all', () => {
    // 0.4 and 0.25 become 0.615 and 0.385
    expect(support(p, { topK: 2, topP: 0.6 })).toEqual([1]);
    expect(support(p, { topK: 2, topP: 0.63 })).toEqual([1, 3]);
  });

  test('min-p is a fraction of the largest', () => {
    expect(support(p, { minP: 0.49 })).toEqual([1, 3, 4]);
    expect(support(p, { minP: 0.24 })).toEqual([0, 1, 3, 4]);
    expect(support(p, { minP: 1 })).toEqual([1]);
  });

  test('typical-p takes tokens nearest to the entropy, even without the most likely', () => {
    // Entropy of (0.6, 0.2, 0.2) is 0.950; information 0.511, 1.609, 1.609: the first is nearest.
    expect(support(logs(0.6, 0.2, 0.2), { typicalP: 0.5 })).toEqual([0]);
    const skewed = [0.45, ...new Array<number>(5).fill(0.11)];
    // Entropy 1.573; information 0.799 and 2.207: the rare ones are nearer.
    expect(support(logs(...skewed), { typicalP: 0.5 })).toEqual([1, 2, 3, 4, 5]);
    expect(support(logs(...skewed), { typicalP: 0.2 })).toEqual([1, 2]);
  });

  test('temperature comes before the filters', () => {
    expect(support(p, { temperature: 0.1, topP: 0.9 })).toEqual([1]);
    expect(support(p, { temperature: 10, topP: 0.9 })).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('penalties and bias, greedy', () => {
  const greedy = (
    logits: readonly number[],
    settings: Settings,
    seen: readonly number[],
    bias: readonly number[] = [],
  ): number =>
    draws(logits, 1, { temperature: 0, ...settings }, (s) => {
      s.seen.data().set(seen);
      s.bias.data().set(bias);
    })[0];

  test('ties go to the lowest id', () => expect(greedy([1, 3, 3, 3], {}, [])).toBe(1));

  test('repetition divides positive and multiplies negative logits of prompt and output', () => {
    expect(greedy([3, 2], { repetition: 1.6 }, [promptBit, 0])).toBe(1);
    expect(greedy([3, 2], { repetition: 1.6 }, [1, 0])).toBe(1);
    expect(greedy([3, 2], { repetition: 1.4 }, [promptBit, 0])).toBe(0);
    expect(greedy([-1, -1.5], { repetition: 1.6 }, [promptBit, 0])).toBe(1);
  });

  test('presence and frequency look at the output only', () => {
    expect(greedy([3, 2], { presence: 5 }, [promptBit, 0])).toBe(0);
    expect(greedy([3, 2], { presence: 1.5 }, [1, 0])).toBe(1);
    expect(greedy([3, 2], { frequency: 0.4 }, [promptBit + 2, 0])).toBe(0);
    expect(greedy([3, 2], { frequency: 0.4 }, [promptBit + 3, 0])).toBe(1);
  });

  test('bias comes first, minus infinity forbids', () => {
    expect(greedy([3, 2], {}, [], [-1.5, 0])).toBe(1);
    expect(greedy([3, 2], {}, [], [-Infinity, 0])).toBe(1);
    expect(greedy([3, 2], {}, [], [-Infinity, -Infinity])).toBe(-1);
    // (1 + 2) / 2 against 1.4: with the bias after the penalty it would be 2.5
    expect(greedy([1, 1.6], { repetition: 2 }, [promptBit, 0], [2, 0])).toBe(1);
  });
});

// Chi-square of counts against a distribution; tokens expected less than 5 times are put together.
function chiSquare(
  tokens: readonly number[],
  expected: readonly { id: number; probability: number }[],
): { value: number; freedom: number } {
  const count = new Map<number, number>();
  for (const id of tokens) count.set(id, (count.get(id) ?? 0) + 1);
  const n = tokens.length;
  const cells: [number, number][] = [];
  let [rareSeen, rareExpected] = [0, 0];
  for (const { id, probability } of expected) {
    if (probability * n >= 5) cells.push([count.get(id) ?? 0, probability * n]);
    else [rareSeen, rareExpected] = [rareSeen + (count.get(id) ?? 0), rareExpected + probability * n];
    count.delete(id);
  }
  expect([...count.keys()]).toEqual([]); // nothing outside the distribution
  if (rareExpected > 0) cells.push([rareSeen, rareExpected]);
  return { value: cells.reduce((sum, [o, e]) => sum + (o - e) ** 2 / e, 0), freedom: cells.length - 1 };
}

test.each<[string, Settings]>([
  ['plain', {}],
  ['warm', { temperature: 1.7 }],
  ['top-k', { topK: 12 }],
  ['top-p', { topP: 0.8 }],
  ['min-p', { minP: 0.1 }],
  ['typical', { typicalP: 0.7 }],
  [
    'all',
    {
      temperature: 1.3,
      topK: 30,
      typicalP: 0.95,
      topP: 0.9,
      minP: 0.02,
      repetition: 1.2,
      presence: 0.3,
      frequency: 0.2,
    },
  ],
])('draws follow the distribution: %s', (_name, settings) => {
  const vocab = 60;
  const logits = noise(vocab, 5).map((x) => Math.fround(3 * x));
  const seen = Array.from({ length: vocab }, (_, i) => (i % 3 === 0 ? promptBit : 0) + (i % 5 === 0 ? i % 4 : 0));
  const rows = 20000;
  const tokens = draws(logits, rows, settings, (s) => {
    for (let t = 0; t < rows; t++) s.seen.data().set(seen, t * vocab);
  });
  const params = Object.values({ ...off, ...settings }).map(Math.fround);
  const { value, freedom } = chiSquare(
    tokens,
    sampleDistribution(logits, params, seen, new Array<number>(vocab).fill(0)),
  );
  // Mean `freedom`, variance twice that; 5 standard deviations. Seeds are fixed, so this passes or fails for good.
  expect(value).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom) + 1);
});

test('successive steps of one seed follow the distribution too', () => {
  const s = state(1, 3, {});
  const logits = rowsOf(logs(0.5, 0.3, 0.2), 1);
  const tokens: number[] = [];
  for (let i = 0; i < 3000; i++) {
    sample_(logits, s).dispose();
    tokens.push(s.token.data()[0]);
  }
  const { value } = chiSquare(
    tokens,
    [0.5, 0.3, 0.2].map((probability, id) => ({ id, probability })),
  );
  expect(value).toBeLessThan(2 + 5 * 2 + 1);
  expect(s.step.data()[0]).toBe(3000);
  expect(s.pos.data()[0]).toBe(3000);
  expect(Array.from(s.seen.data()).reduce((a, b) => a + b, 0)).toBe(3000);
});

test('uniform numbers stay inside (0, 1)', () => {
  const values = Array.from({ length: 4000 }, (_, i) => sampleUniform([7, 9], i));
  expect(Math.min(...values)).toBeGreaterThan(0);
  expect(Math.max(...values)).toBeLessThan(1);
  expect(values.reduce((a, b) => a + b) / 4000).toBeCloseTo(0.5, 1);
});

test.each<[string, Settings]>([
  ['greedy', { temperature: 0 }],
  ['plain', {}],
  ['flat', { temperature: 1e4 }],
  ['top-k', { topK: 50 }],
  ['wide top-k', { topK: 20000 }],
  ['top-p', { topP: 0.95 }],
  ['min-p', { minP: 0.01 }],
  ['typical', { typicalP: 0.9 }],
])('a large vocabulary gives the token of the reference, on any threads, in any row: %s', (_name, settings) => {
  const vocab = 50021;
  const logits = noise(vocab, 3).map((x) => Math.fround(20 * x ** 9));
  const blank = new Uint8Array(vocab);
  const params = Object.values({ ...off, ...settings }).map(Math.fround);
  const choices = sampleDistribution(logits, params, blank, blank);
  const threads = native().getThreads();
  try {
    for (const [seed, step] of [
      [1, 0],
      [2, 5],
      [3, 1000],
    ]) {
      let rest = sampleUniform([4, seed], step);
      const want = choices.find(({ probability }) => (rest -= probability) <= 0)?.id;
      for (const [count, rows, at] of [
        [1, 1, 0],
        [2, 3, 2],
        [3, 3, 1],
      ]) {
        native().setThreads(count);
        const s = state(rows, vocab, settings, seed);
        s.seed.data().set([4, seed], 2 * at);
        s.step.data().fill(step);
        sample_(rowsOf(logits, rows), s);
        expect(s.token.data()[at]).toBe(want);
      }
    }
  } finally {
    native().setThreads(threads);
  }
});

test('the log probability is that of the raw logits', () => {
  const s = state(1, 3, { temperature: 0.2, topK: 1 });
  s.bias.data().set([0, 9, 0]);
  const got = sample_(rowsOf(logs(0.5, 0.3, 0.2), 1), s);
  expect(s.token.data()[0]).toBe(1);
  expect(got.item()).toBeCloseTo(Math.log(0.3), 6);
});

test('idle rows and rows without a token move nothing', () => {
  const s = state(4, 2, {});
  s.pos.data().set([-1, 5, 5, 5]);
  s.token.data().fill(7);
  const logits = tensor(new Float32Array([0, 1, NaN, 1, Infinity, 1, -Infinity, -Infinity]), { shape: [4, 2] });
  const logprob = sample_(logits, s);
  expect(Array.from(s.token.data())).toEqual([7, -1, -1, -1]);
  expect(Array.from(s.pos.data())).toEqual([-1, 5, 5, 5]);
  expect(Array.from(s.step.data())).toEqual([0, 0, 0, 0]);
  expect(Array.from(s.seen.data())).toEqual(new Array(8).fill(0));
  expect(Array.from(logprob.data())).toEqual([0, NaN, NaN, NaN]);
});

test('a count that is full stays full and leaves the prompt bit alone', () => {
  const s = state(1, 1, {});
  s.seen.data()[0] = 0x3fffffff;
  sample_(zeros([1, 1]), s);
  expect(s.seen.data()[0]).toBe(0x3fffffff);
});

test('misuse', () => {
  expect(() => sample_(zeros([1, 0]), state(1, 0, {}))).toThrow(ShapeError);
  expect(() => sample_(zeros([2, 3]), state(1, 3, {}))).toThrow(/tokens of shape \[2\]/);
  expect(() => sample_(zeros([1, 4]), state(1, 3, {}))).toThrow(/seen counts of shape \[1, 4\]/);
  expect(() => sample_(zeros([1, 3], { dtype: 'i32' }), state(1, 3, {}))).toThrow(/logits of dtype f32/);
  expect(() => sample_(zeros([1, 3]), { ...state(1, 3, {}), seed: zeros([1, 2]) })).toThrow(/seeds of dtype i32/);
  expect(() => sample_(zeros([1, 3]), { ...state(1, 3, {}), params: zeros([1, 7]) })).toThrow(
    /parameters of shape \[1, 8\]/,
  );
});
