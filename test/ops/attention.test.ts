import { ShapeError } from '../../src/native/errors';
import { native } from '../../src/native/addon';
import { attention, attnScores, attnValues } from '../../src/ops/attention';
import { noise } from '../../src/ops/case-data';
import { kvAppend_ } from '../../src/ops/kv';
import { softmax } from '../../src/ops/softmax';
import { tensor, zeros } from '../../src/tensor/create';
import { moveTo } from '../../src/tensor/move';
import type { Tensor } from '../../src/tensor/tensor';
import { bits, floats, ints } from './made';

describe.each([
  [4, 2, 16],
  [5, 1, 33],
  [6, 2, 70],
  [20, 5, 128],
])('%i heads, %i key/value heads of %i', (heads, kvHeads, size) => {
  const positions = 150;
  const keys = floats([2, kvHeads, positions, size], 1);
  const values = floats([2, kvHeads, positions, size], 2);
  const pos = ints(0, 63, 64, -1, 149, 15, 100, 3, 130, 77, 16);
  const slot = ints(0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1);
  const q = floats([pos.size, heads, size], 3);
  const scale = 1 / Math.sqrt(size);
  const whole = attention(q, keys, values, slot, pos, scale);

  test('equals scores, softmax and values bit for bit, for any width of the pattern', () => {
    for (const length of [150, 155]) {
      const scores = attnScores(q, keys, slot, pos, { scale, length });
      expect(bits(attnValues(softmax(scores), values, slot, pos))).toBe(bits(whole));
    }
  });

  test('a row does not depend on the other rows', () => {
    const n = heads * size;
    for (let t = 0; t < pos.size; t++) {
      const one = tensor(q.data().slice(t * n, (t + 1) * n), { shape: [1, heads, size] });
      const z = attention(one, keys, values, ints(slot.data()[t]), ints(pos.data()[t]), scale);
      expect(Array.from(z.data())).toEqual(Array.from(whole.data().slice(t * n, (t + 1) * n)));
    }
  });

  test('head h reads key/value head floor(h / group)', () => {
    // Values of kv head g are all g + 1, so is any weighted mean of them.
    const flat = tensor(
      Float32Array.from({ length: values.size }, (_, i) => (Math.floor(i / (positions * size)) % kvHeads) + 1),
      { shape: values.shape },
    );
    const z = attention(q, keys, flat, slot, pos, scale).data();
    const group = heads / kvHeads;
    for (let h = 0; h < heads; h++) expect(z[h * size]).toBeCloseTo(Math.floor(h / group) + 1, 5);
  });
});

test('nothing beyond the position matters, not even NaN', () => {
  const make = (poison: number): Tensor => {
    const keys = zeros([1, 1, 100, 8]);
    const values = zeros([1, 1, 100, 8]);
    for (const [cache, seed] of [
      [keys, 1],
      [values, 2],
    ] as const) {
      cache.data().set(noise(800, seed));
      cache.data().fill(poison, 66 * 8);
    }
    return attention(floats([2, 2, 8], 3), keys, values, ints(0, 0), ints(65, 12), 0.3);
  };
  const clean = make(0);
  expect(Array.from(clean.data()).every(Number.isFinite)).toBe(true);
  for (const poison of [NaN, Infinity, 3e38]) expect(bits(make(poison))).toBe(bits(clean));
});

test('NaN inside the seen positions shows', () => {
  const keys = floats([1, 1, 4, 2], 1);
  const values = floats([1, 1, 4, 2], 2);
  keys.data()[2] = NaN;
  const z = attention(floats([2, 1, 2], 3), keys, values, ints(0, 0), ints(0, 1), 1);
  expect(Array.from(z.data(), Number.isNaN)).toEqual([false, false, true, true]);
});

test('scores are minus infinity beyond the position and in idle rows, and zero rows come from idle ones', () => {
  const keys = floats([1, 1, 4, 2], 1);
  const q = floats([2, 1, 2], 2);
  const scores = attnScores(q, keys, ints(0, 0), ints(1, -1), { scale: 1, length: 4 }).data();
  expect(Array.from(scores, (x) => x === -Infinity)).toEqual([false, false, true, true, true, true, true, true]);
  expect(Array.from(attention(q, keys, keys, ints(0, 0), ints(-1, -1), 1).data())).toEqual([0, 0, 0, 0]);
  // NaN from the softmax of an idle row is not read.
  expect(
    Array.from(
      attnValues(
        softmax(attnScores(q, keys, ints(0, 0), ints(-1, -1), { scale: 1, length: 4 })),
        keys,
        ints(0, 0),
        ints(-1, -1),
      ).data(),
    ),
  ).toEqual([0, 0, 0, 0]);
});

test('prefill in chunks and token by token fill the cache and attend alike', () => {
  const [T, heads, kvHeads, size] = [13, 4, 2, 16];
  const q = floats([T, heads, size], 1);
  const k = floats([T, kvHeads, size], 2);
  const v = floats([T, kvHeads, size], 3);
  const run = (chunk: number): string => {
    const keys = zeros([2, kvHeads, 20, size]);
    const values = zeros([2, kvHeads, 20, size]);
    const out: string[] = [];
    for (let b = 0; b < T; b += chunk) {
      const n = Math.min(chunk, T - b);
      const rows = (x: Tensor): Tensor => {
        const width = x.size / T;
        return tensor(x.data().slice(b * width, (b + n) * width), { shape: [n, ...x.shape.slice(1)] });
      };
      const slot = ints(...Array.from({ length: n }, () => 1));
      const pos = ints(...Array.from({ length: n }, (_, i) => b + i));
      kvAppend_(keys, rows(k), slot, pos);
      kvAppend_(values, rows(v), slot, pos);
      out.push(bits(attention(rows(q), keys, values, slot, pos, 0.25)));
    }
    return out.join('');
  };
  const whole = run(T);
  for (const chunk of [1, 2, 5, 8, 12]) expect(run(chunk)).toBe(whole);
});

test('the same bits on one, two and three threads, many rows', () => {
  const threads = native().getThreads();
  try {
    const keys = floats([1, 5, 300, 64], 1);
    const values = floats([1, 5, 300, 64], 2);
    const q = floats([40, 10, 64], 3);
    const slot = ints(...new Array<number>(40).fill(0));
    const pos = ints(...Array.from({ length: 40 }, (_, i) => 250 + i));
    const results = [1, 2, 3].map((n) => {
      native().setThreads(n);
      return bits(attention(q, keys, values, slot, pos, 0.125));
    });
    expect(new Set(results).size).toBe(1);
  } finally {
    native().setThreads(threads);
  }
});

describe('misuse', () => {
  const keys = zeros([2, 2, 4, 8]);
  const q = zeros([1, 4, 8]);
  const at = (slot: number, pos: number) => (): Tensor => attention(q, keys, keys, ints(slot), ints(pos), 1);

  test.each([
    [0, 4],
    [2, 0],
    [-1, 0],
    [0, -2],
    [0, 2 ** 31 - 1],
  ])('slot %i, position %i', (slot, pos) => {
    expect(at(slot, pos)).toThrow(ShapeError);
    expect(() => kvAppend_(keys, zeros([1, 2, 8]), ints(slot), ints(pos))).toThrow(/\[kv_append_\] expected an index/);
    expect(() => attnScores(q, keys, ints(slot), ints(pos), { scale: 1, length: 4 })).toThrow(ShapeError);
    expect(() => attnValues(zeros([4, 1, 4]), keys, ints(slot), ints(pos))).toThrow(ShapeError);
    expect(() =>
      attention(
        moveTo(q, 'reference'),
        moveTo(keys, 'reference'),
        moveTo(keys, 'reference'),
        moveTo(ints(slot), 'reference'),
        moveTo(ints(pos), 'reference'),
        1,
      ),
    ).toThrow(ShapeError);
  });

  test('shapes and dtypes', () => {
    expect(() => attention(zeros([1, 3, 8]), keys, keys, ints(0), ints(0), 1)).toThrow(/multiple of the cache's/);
    expect(() => attention(zeros([1, 4, 6]), keys, keys, ints(0), ints(0), 1)).toThrow(/of shape \[\*, \*, \*, 6\]/);
    expect(() => attention(q, keys, zeros([2, 2, 5, 8]), ints(0), ints(0), 1)).toThrow(/value cache/);
    expect(() => attention(q, keys, keys, ints(0, 1), ints(0), 1)).toThrow(/slots of shape \[1\]/);
    expect(() => attention(q, keys, keys, zeros([1]), ints(0), 1)).toThrow(/slots of dtype i32/);
    expect(() => attention(q, keys, keys, ints(0), ints(0), NaN)).toThrow(/finite scale/);
    expect(() => attnScores(q, keys, ints(0), ints(0), { scale: 1, length: 1.5 })).toThrow(/whole length/);
    expect(() => kvAppend_(keys, zeros([1, 1, 8]), ints(0), ints(0))).toThrow(/x of shape \[\*, 2, \*\]/);
  });

  test('a failed append leaves the rows before it, and no crash', () => {
    const cache = zeros([1, 1, 2, 2]);
    expect(() =>
      kvAppend_(cache, tensor(new Float32Array([1, 2, 3, 4]), { shape: [2, 1, 2] }), ints(0, 0), ints(1, 7)),
    ).toThrow(/received 7/);
    expect(Array.from(cache.data())).toEqual([0, 0, 1, 2]);
  });
});
