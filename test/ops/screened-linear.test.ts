import { promptBit } from '../../src/model/step-state';
import { native } from '../../src/native/addon';
import { ShapeError } from '../../src/native/errors';
import { noise } from '../../src/ops/case-data';
import { runNative } from '../../src/ops/dispatch';
import { linear, linearDef } from '../../src/ops/linear';
import type { SampleState } from '../../src/ops/sample';
import { adjustedLogit, sample_ } from '../../src/ops/sample';
import { LogitBounds, quantizeRow, quantizeRows, quantizeRowsDef } from '../../src/ops/screen';
import { screenedLinear, screenedLinearDef } from '../../src/ops/screened-linear';
import { empty, fromTypedArray, zeros } from '../../src/tensor/create';
import { bf16ToFloat32, bf16ToNumber, numberToBf16 } from '../../src/tensor/dtype';
import { scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';
import { samplerState, type Settings } from './sampler-state';

// Numbers that are roughly normal, or heavy-tailed with a power above 1.
function numbers(count: number, seed: number, power = 1): Float32Array {
  const parts = Array.from({ length: 4 }, (_, i) => noise(count, 4 * seed + i));
  return Float32Array.from({ length: count }, (_, i) => {
    const v = parts.reduce((sum, p) => sum + p[i], 0);
    return Math.sign(v) * Math.abs(v) ** power;
  });
}

const asBf16 = (values: Float32Array, shape: readonly number[]): Tensor =>
  fromTypedArray(Uint16Array.from(values, numberToBf16), { dtype: 'bf16', shape });
const asF32 = (values: Float32Array, shape: readonly number[]): Tensor => fromTypedArray(values, { shape });

const hex = (x: Float32Array): string => Buffer.from(Float32Array.from(x).buffer).toString('hex');

// The definition, from the logits of `linear`: the k best adjusted ones and what equals the last of them.
function best(logits: Float32Array, s: SampleState, t: number, k: number): Float32Array {
  const vocab = logits.length;
  const adjusted = Array.from(logits, (z, r) =>
    adjustedLogit(z, s.bias.data()[t * vocab + r], s.seen.data()[t * vocab + r], s.params.data().subarray(8 * t)),
  );
  const cut = [...adjusted].sort((a, b) => b - a)[k - 1];
  return logits.map((z, r) => (adjusted[r] < cut || adjusted[r] === -Infinity ? -Infinity : z));
}

// Runs both on every variant with 1 and 2 threads, compares every bit, and returns the counts.
function check(x: Tensor, weight: Tensor, s: SampleState, k: readonly number[]): number[] {
  const [T] = x.shape;
  const [V] = weight.shape;
  const threads = native().getThreads();
  let counts: number[] | undefined;
  try {
    for (const variant of native().deviceInfo().variants)
      for (const count of [1, 2]) {
        native().setThreads(count);
        scope(() => {
          const on = { variant, spread: true };
          const make = (def: typeof linearDef, inputs: Tensor[]): Tensor[] => {
            const outputs = def.infer(inputs, {}).map((o) => empty(o.shape, o.dtype, 'cpu'));
            runNative(def, inputs, {}, outputs, on);
            return outputs;
          };
          const [full] = make(linearDef, [x, weight]);
          const coded = make(quantizeRowsDef, [weight]);
          const [logits, rescored] = make(screenedLinearDef, [x, weight, ...coded, s.pos, s.params, s.seen, s.bias]);
          for (let t = 0; t < T; t++) {
            const row = (y: Tensor): Float32Array => (y.data() as Float32Array).subarray(t * V, (t + 1) * V);
            expect(hex(row(logits))).toBe(hex(best(row(full), s, t, k[t])));
          }
          counts ??= Array.from(rescored.data());
          expect(Array.from(rescored.data())).toEqual(counts);
        });
      }
  } finally {
    native().setThreads(threads);
  }
  return counts ?? [];
}

// Kept apart from the weights of a row: one bit more in one of them.
function nudged(row: Float32Array, at: number, dtype: 'bf16' | 'f32'): Float32Array {
  const next = row.slice();
  const bits = new Int32Array(next.buffer);
  bits[at] += dtype === 'bf16' ? 1 << 16 : 1;
  return next;
}

const greedyAndTopK: Settings[] = [{}, { temperature: 1, topK: 8 }, { temperature: 0.7, topK: 40 }];
const ks = [1, 8, 40];

describe('the k best logits, bit for bit', () => {
  test.each([
    ['normal', 1],
    ['heavy tails', 3],
    ['heavier tails', 5],
  ])('%s weights', (_name, power) => {
    for (let seed = 1; seed <= 4; seed++) {
      const [V, K] = [1500 + seed, 120 + seed];
      const x = asF32(numbers(3 * K, seed), [3, K]);
      const weight = asBf16(numbers(V * K, 50 + seed, power), [V, K]);
      const counts = check(x, weight, samplerState(greedyAndTopK, V), ks);
      if (power === 1) counts.forEach((n) => expect(n).toBeLessThanOrEqual(V / 8));
    }
  });

  test('activations with outliers', () => {
    const [V, K] = [1200, 256];
    const values = numbers(3 * K, 9);
    for (let t = 0; t < 3; t++) values[t * K + 17 * t] = 60;
    const counts = check(asF32(values, [3, K]), asBf16(numbers(V * K, 60), [V, K]), samplerState(greedyAndTopK, V), ks);
    expect(counts[0]).toBeLessThan(V);
  });

  test.each(['bf16', 'f32'] as const)('near ties of one ulp of a %s weight, and exact ties', (dtype) => {
    const [V, K] = [2000, 96];
    const values = numbers(V * K, 3);
    const x = numbers(K, 5);
    if (dtype === 'bf16') values.forEach((v, i) => (values[i] = bf16ToNumber(numberToBf16(v))));
    const score = (r: number): number => x.reduce((sum, v, i) => sum + v * values[r * K + i], 0);
    const top = Array.from({ length: V }, (_, r) => r).reduce((a, b) => (score(b) > score(a) ? b : a));
    const row = values.slice(top * K, (top + 1) * K);
    // Copies, and copies with one weight moved, spread over all threads and on both sides of the original.
    for (let i = 0; i < 60; i++)
      values.set(i % 4 === 0 ? row : nudged(row, (7 * i) % K, dtype), ((33 * i + 5) % V) * K);
    const weight = (dtype === 'bf16' ? asBf16 : asF32)(values, [V, K]);
    for (const [settings, k] of [
      [{}, 1],
      [{ temperature: 1, topK: 8 }, 8],
      [{ temperature: 1, topK: 30 }, 30],
    ] as const) {
      const [count] = check(asF32(x, [1, K]), weight, samplerState([settings], V), [k]);
      expect(count).toBeGreaterThanOrEqual(60);
      expect(count).toBeLessThanOrEqual(V / 8);
    }
  });

  test('rows whose codes are the same, told apart by the error that the codes leave', () => {
    const [V, K] = [800, 64];
    const values = numbers(V * K, 21).map((v) => v / 50);
    const row = numbers(K, 22);
    const { codes, bounds } = quantizeRow(row);
    const error = Float32Array.from(row, (v, i) => v - bounds[0] * codes[i]);
    const largest = row.reduce((m, v, i) => (Math.abs(v) > Math.abs(row[m]) ? i : m), 0);
    // Activations along the error: no other row of the same length is estimated worse.
    const x = asF32(error, [1, K]);
    const at = [700, 3, 401];
    [0, 0.5, 1].forEach((part, i) => {
      values.set(
        row.map((v, j) => (j === largest ? v : v - error[j] * (1 - part))),
        at[i] * K,
      );
      expect(quantizeRow(values.slice(at[i] * K, (at[i] + 1) * K)).codes).toEqual(codes);
    });
    const s = samplerState([{}], V);
    for (const r of at) s.bias.data()[r] = 1;
    const [count] = check(x, asF32(values, [V, K]), s, [1]);
    expect(count).toBeGreaterThanOrEqual(3);
    const [logits] = screenedLinear(x, asF32(values, [V, K]), ...quantizeRows(asF32(values, [V, K])), s);
    expect(Array.from(logits.data()).findIndex((z) => z > -Infinity)).toBe(401);
  });

  test('penalties, biases and bans', () => {
    const [V, K] = [900, 80];
    const settings: Settings[] = [
      { repetition: 1.4, presence: 0.5, frequency: 0.25 },
      { temperature: 1, topK: 8, repetition: 0.6, presence: -2 },
      { temperature: 1, topK: 40 },
      {},
    ];
    const s = samplerState(settings, V);
    const biases = noise(4 * V, 8);
    for (let i = 0; i < 4 * V; i++) {
      s.seen.data()[i] = (i % 3 === 0 ? promptBit : 0) + (i % 5);
      s.bias.data()[i] = i % 11 === 0 ? -Infinity : 3 * biases[i];
    }
    // In the last row all tokens but three are banned.
    for (let r = 0; r < V; r++) if (![5, 6, 800].includes(r)) s.bias.data()[3 * V + r] = -Infinity;
    const counts = check(asF32(numbers(4 * K, 31), [4, K]), asBf16(numbers(V * K, 32), [V, K]), s, [1, 8, 40, 1]);
    for (const n of counts) expect(n).toBeLessThanOrEqual(V / 8);
  });

  test('twenty rows at once', () => {
    const [V, K] = [640, 64];
    const settings = Array.from({ length: 20 }, (_, t) => greedyAndTopK[t % 2]);
    check(
      asF32(numbers(20 * K, 41), [20, K]),
      asBf16(numbers(V * K, 42), [V, K]),
      samplerState(settings, V),
      settings.map((_, t) => ks[t % 2]),
    );
  });

  test('all rows equal, and rows of zeros: everything ties, so everything is computed and kept', () => {
    const [V, K] = [500, 48];
    const row = numbers(K, 51);
    const equal = asBf16(
      Float32Array.from({ length: V * K }, (_, i) => row[i % K]),
      [V, K],
    );
    const x = asF32(numbers(K, 52), [1, K]);
    expect(check(x, equal, samplerState([{}], V), [1])).toEqual([V]);
    expect(check(x, asBf16(new Float32Array(V * K), [V, K]), samplerState([{}], V), [1])).toEqual([V]);
    expect(check(asF32(new Float32Array(K), [1, K]), equal, samplerState([{}], V), [1])).toEqual([V]);
  });

  test('denormal weights and activations', () => {
    const [V, K] = [400, 48];
    const small = numbers(V * K, 61).map((v) => v * 2 ** -128);
    check(asF32(numbers(K, 62), [1, K]), asBf16(small, [V, K]), samplerState([{}], V), [1]);
    const x = asF32(
      numbers(K, 63).map((v) => v * 2 ** -143),
      [1, K],
    );
    check(x, asBf16(numbers(V * K, 64), [V, K]), samplerState([{}], V), [1]);
    check(x, asBf16(small, [V, K]), samplerState([{}], V), [1]);
  });
});

test.each([NaN, Infinity, -Infinity])('%p in weight or activations: the whole head as it is', (bad) => {
  const [V, K] = [300, 40];
  const values = numbers(V * K, 71);
  const x = numbers(K, 72);
  const s = samplerState([{}], V);
  const run = (xs: Float32Array, ws: Float32Array): void => {
    const [a, w] = [asF32(xs, [1, K]), asBf16(ws, [V, K])];
    const [logits, counts] = screenedLinear(a, w, ...quantizeRows(w), s);
    const full = linear(a, w).data();
    const sane = full.every((z) => z < Infinity);
    expect(counts.item()).toBe(V);
    expect(hex(logits.data() as Float32Array)).toBe(
      hex(sane ? best(full as Float32Array, s, 0, 1) : (full as Float32Array)),
    );
  };
  values[77 * K + 3] = bad;
  run(x, values);
  values[77 * K + 3] = 0;
  x[5] = bad;
  run(x, values);
});

test('the bounds hold, and are not wide', () => {
  const [V, K] = [300, 200];
  for (const power of [1, 4]) {
    const weight = asBf16(numbers(V * K, 81, power), [V, K]);
    const [codes, bounds] = quantizeRows(weight);
    const x = numbers(K, 82, power);
    const limits = new LogitBounds(x);
    const w = bf16ToFloat32(weight.data());
    const size = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));
    linear(asF32(x, [1, K]), weight)
      .data()
      .forEach((z, r) => {
        const [low, high] = limits.of(codes.data(), bounds.data(), r) ?? [NaN, NaN];
        expect(z).toBeGreaterThanOrEqual(low);
        expect(z).toBeLessThanOrEqual(high);
        expect(high - low).toBeLessThan(0.1 * size(x) * size(w.subarray(r * K, (r + 1) * K)));
      });
  }
});

test.each<[string, Settings]>([
  ['greedy', {}],
  ['top-k', { temperature: 1, topK: 40 }],
  [
    'every filter',
    { temperature: 1.2, topK: 60, typicalP: 0.95, topP: 0.9, minP: 0.01, repetition: 1.1, frequency: 0.2 },
  ],
  ['no top-k', { temperature: 1, topP: 0.9 }],
])('the sampler draws the same tokens: %s', (_name, settings) => {
  const [V, K] = [3000, 64];
  const weight = asBf16(numbers(V * K, 91), [V, K]);
  const coded = quantizeRows(weight);
  const [whole, part] = [0, 1].map(() => samplerState([settings, settings], V));
  const run = (s: SampleState, logits: (x: Tensor) => Tensor): number[][] =>
    Array.from({ length: 40 }, (_, i) =>
      scope(() => {
        sample_(
          logits(
            asF32(
              numbers(2 * K, 200 + i).map((v) => v / 2),
              [2, K],
            ),
          ),
          s,
        );
        return Array.from(s.token.data());
      }),
    );
  expect(run(part, (x) => screenedLinear(x, weight, ...coded, part)[0])).toEqual(run(whole, (x) => linear(x, weight)));
});

test('misuse', () => {
  const weight = zeros([16, 4], { dtype: 'bf16' });
  const [codes, bounds] = quantizeRows(weight);
  const s = samplerState([{}], 16);
  const x = zeros([1, 4]);
  expect(() => quantizeRows(zeros([3]))).toThrow(ShapeError);
  expect(() => quantizeRows(zeros([3, 3], { dtype: 'i32' }))).toThrow(/the weight of dtype bf16 or f32/);
  expect(() => screenedLinear(zeros([1, 5]), weight, codes, bounds, s)).toThrow(/the weight of shape \[\*, 5\]/);
  expect(() => screenedLinear(zeros([2, 4]), weight, codes, bounds, s)).toThrow(/positions of shape \[2\]/);
  expect(() => screenedLinear(x, weight, bounds, codes, s)).toThrow(/the codes of dtype i8/);
  expect(() => screenedLinear(x, weight, codes, zeros([16, 3]), s)).toThrow(/the bounds of shape \[16, 4\]/);
  expect(() => screenedLinear(x, weight, codes, bounds, samplerState([{}], 15))).toThrow(
    /seen counts of shape \[1, 16\]/,
  );
});
