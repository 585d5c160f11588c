import { native } from '../../src/native/addon';
import { NativeError } from '../../src/native/errors';
import type { CacheScales } from '../../src/ops/attention';
import { attention, attentionDef, attnScores, attnValues } from '../../src/ops/attention';
import { noise } from '../../src/ops/case-data';
import { runNative } from '../../src/ops/dispatch';
import type { CacheType } from '../../src/ops/kv';
import { cacheTypes, kvAppend_ } from '../../src/ops/kv';
import { softmax } from '../../src/ops/softmax';
import { tensor, zeros } from '../../src/tensor/create';
import { moveTo } from '../../src/tensor/move';
import type { Tensor } from '../../src/tensor/tensor';

const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
const floats = (shape: readonly number[], seed: number): Tensor =>
  tensor(Float32Array.from(noise(size(shape), seed)), { shape });
const ints = (...data: number[]): Tensor => tensor(Int32Array.from(data));
const bits = (x: Tensor): string => Buffer.from(x.data().slice().buffer).toString('hex');

interface Cache {
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly scales?: CacheScales;
}

// A cache [slots, heads, positions, E], with `filled` positions of every slot written by kvAppend_.
function cacheOf(
  dtype: CacheType,
  shape: readonly number[],
  filled: number,
  device: 'cpu' | 'reference' = 'cpu',
): Cache {
  const [slots, heads, , width] = shape;
  const scales = (): Tensor => zeros(shape.slice(0, 3), { device });
  const cache = {
    keys: zeros(shape, { dtype, device }),
    values: zeros(shape, { dtype, device }),
    ...(dtype === 'i8' ? { scales: { keys: scales(), values: scales() } } : {}),
  };
  for (let s = 0; s < slots; s++) {
    const at = Array.from({ length: filled }, (_, p) => p);
    const rows = [ints(...at.map(() => s)), ints(...at)].map((x) => moveTo(x, device));
    const x = (seed: number): Tensor => moveTo(floats([filled, heads, width], seed + s), device);
    kvAppend_(cache.keys, x(10), rows[0], rows[1], cache.scales?.keys);
    kvAppend_(cache.values, x(20), rows[0], rows[1], cache.scales?.values);
  }
  return cache;
}

const attend = (q: Tensor, cache: Cache, slot: Tensor, pos: Tensor): Tensor =>
  attention(q, cache.keys, cache.values, slot, pos, 0.2, cache.scales);

describe.each(cacheTypes)('a cache of %s', (dtype) => {
  const shape = [2, 2, 390, 33];
  const cache = cacheOf(dtype, shape, 390);
  // Around the blocks of 64 and of 128 positions.
  const at = [0, 63, 64, -1, 127, 128, 129, 255, 256, 257, 389, 3];
  const pos = ints(...at);
  const slot = ints(...at.map((p) => p & 1));
  const q = floats([at.length, 10, 33], 1);
  const whole = attend(q, cache, slot, pos);

  test('three steps give the bits of the fused op, for any width of the pattern', () => {
    for (const length of [390, 400]) {
      const scores = attnScores(q, cache.keys, slot, pos, { scale: 0.2, length }, cache.scales?.keys);
      const z = attnValues(softmax(scores), cache.values, slot, pos, cache.scales?.values);
      expect(bits(z)).toBe(bits(whole));
    }
  });

  test('a row alone gives the bits that it gives among others', () => {
    const n = 10 * 33;
    at.forEach((p, t) => {
      const one = tensor(q.data().slice(t * n, (t + 1) * n), { shape: [1, 10, 33] });
      const z = attend(one, cache, ints(p & 1), ints(p));
      expect(Array.from(z.data())).toEqual(Array.from(whole.data().slice(t * n, (t + 1) * n)));
    });
  });

  test('every variant and thread count gives the same bits', () => {
    const threads = native().getThreads();
    try {
      for (const variant of native().deviceInfo().variants) {
        for (const count of [1, 2, 3, 5]) {
          native().setThreads(count);
          const z = zeros(whole.shape);
          const scales = cache.scales === undefined ? [] : [cache.scales.keys, cache.scales.values];
          const inputs = [q, cache.keys, cache.values, slot, pos, ...scales];
          runNative(attentionDef, inputs, { scale: 0.2 }, [z], { variant, spread: true });
          expect(bits(z)).toBe(bits(whole));
        }
      }
    } finally {
      native().setThreads(threads);
    }
  });

  test('rows in chunks give the bits of all at once', () => {
    const run = (chunk: number): string => {
      const own = cacheOf(dtype, [1, 2, 300, 16], 200);
      const rows = [floats([90, 4, 16], 1), floats([90, 2, 16], 2), floats([90, 2, 16], 3)];
      const out: string[] = [];
      for (let b = 0; b < 90; b += chunk) {
        const n = Math.min(chunk, 90 - b);
        const [x, k, v] = rows.map((r) => {
          const width = r.size / 90;
          return tensor(r.data().slice(b * width, (b + n) * width), { shape: [n, ...r.shape.slice(1)] });
        });
        const places = ints(...Array.from({ length: n }, (_, i) => 200 + b + i));
        const slots = ints(...new Array<number>(n).fill(0));
        kvAppend_(own.keys, k, slots, places, own.scales?.keys);
        kvAppend_(own.values, v, slots, places, own.scales?.values);
        out.push(bits(attend(x, own, slots, places)));
      }
      return out.join('');
    };
    const all = run(90);
    for (const chunk of [1, 7, 64]) expect(run(chunk)).toBe(all);
  });

  test('garbage beyond the position is not read', () => {
    const make = (poison: number): string => {
      const own = cacheOf(dtype, [1, 2, 200, 21], 131);
      for (const x of [own.keys, own.values]) {
        for (const g of [0, 1]) x.data().fill(poison, (g * 200 + 131) * 21, (g + 1) * 200 * 21);
      }
      for (const x of own.scales === undefined ? [] : [own.scales.keys, own.scales.values]) {
        for (const g of [0, 1]) x.data().fill(NaN, g * 200 + 131, (g + 1) * 200);
      }
      return bits(attend(floats([2, 4, 21], 3), own, ints(0, 0), ints(130, 12)));
    };
    // NaN, infinity and the largest as f16 bits, -128 and others as codes.
    for (const poison of [NaN, Infinity, 0x7e00, 0x7c00, 0x7bff, -128]) expect(make(poison)).toBe(make(0));
  });

  test('NaN in a key shows in all rows that see it, and in no other', () => {
    const own = cacheOf(dtype, [1, 1, 4, 5], 4);
    const bad = floats([1, 1, 5], 1);
    bad.data()[3] = NaN;
    kvAppend_(own.keys, bad, ints(0), ints(2), own.scales?.keys);
    const z = attend(floats([3, 1, 5], 3), own, ints(0, 0, 0), ints(1, 2, 3)).data();
    expect(Array.from(z, Number.isNaN)).toEqual(Array.from({ length: 15 }, (_, i) => i >= 5));
  });

  test('the reference keeps the same codes', () => {
    const [a, b] = (['cpu', 'reference'] as const).map((device) => cacheOf(dtype, [1, 3, 40, 33], 40, device));
    expect(Array.from(b.keys.data())).toEqual(Array.from(a.keys.data()));
    expect(Array.from(b.scales?.keys.data() ?? [], Math.fround)).toEqual(Array.from(a.scales?.keys.data() ?? []));
  });
});

describe.each(['cpu', 'reference'] as const)('what a cache cannot hold, on %s', (device) => {
  const place = moveTo(ints(0), device);
  const x = (...data: number[]): Tensor =>
    moveTo(tensor(Float32Array.from(data), { shape: [1, 1, data.length] }), device);
  const append = (dtype: CacheType, ...data: number[]): { cache: Tensor; scales: Tensor } => {
    const cache = zeros([1, 1, 1, data.length], { dtype, device });
    const scales = zeros([1, 1, 1], { device });
    kvAppend_(cache, x(...data), place, place, ...(dtype === 'i8' ? [scales] : []));
    return { cache, scales };
  };

  test('f16 refuses finite numbers that would become infinite, and takes infinity as it is', () => {
    expect(append('f16', 65519, -65504, 1).cache.toArray()).toEqual([[[[65504, -65504, 1]]]]);
    for (const much of [65520, -65520, 1e38]) expect(() => append('f16', 1, much)).toThrow(NativeError);
    expect(() => append('f16', 65520)).toThrow('[kv_append_] expected keys and values up to 65504');
    expect(append('f16', -Infinity, NaN).cache.toArray()).toEqual([[[[-Infinity, NaN]]]]);
  });

  test('i8 spans the largest magnitude with 127 codes', () => {
    const { cache, scales } = append('i8', 254, 1, 3, 5, -254, -1, 0.9);
    expect(cache.toArray()).toEqual([[[[127, 0, 2, 2, -127, -0, 0].map((v) => v + 0)]]]);
    expect(scales.item()).toBe(2);
    expect(append('i8', 0, -0).scales.item()).toBe(0);
    const tiny = append('i8', 2 ** -149, 0);
    expect(tiny.cache.toArray()).toEqual([[[[127, 0]]]]);
    for (const bad of [NaN, Infinity]) {
      const { cache: codes, scales: none } = append('i8', 1, bad);
      expect(codes.toArray()).toEqual([[[[0, 0]]]]);
      expect(none.item()).toBeNaN();
    }
  });

  test('scales come with i8 and with nothing else, in the shape of the cache', () => {
    const cache = zeros([1, 1, 1, 2], { dtype: 'i8', device });
    expect(() => kvAppend_(cache, x(1, 2), place, place)).toThrow(/expected scales with a cache of dtype i8/);
    const wrong = zeros([1, 1, 2], { device });
    expect(() => kvAppend_(cache, x(1, 2), place, place, wrong)).toThrow(/scales of shape \[1, 1, 1\]/);
    const f32 = zeros([1, 1, 1, 2], { device });
    expect(() => kvAppend_(f32, x(1, 2), place, place, zeros([1, 1, 1], { device }))).toThrow(/with no other/);
    const bf16 = zeros([1, 1, 1, 2], { dtype: 'bf16', device });
    expect(() => kvAppend_(bf16, x(1, 2), place, place)).toThrow(/dtype f32, f16 or i8|f32 or f16 or i8/);
    expect(() => attention(x(1, 2), f32, zeros([1, 1, 1, 2], { dtype: 'f16', device }), place, place, 1)).toThrow(
      /value cache of dtype f32/,
    );
  });
});
