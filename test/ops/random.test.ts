import { rng } from '../../src/ops/random';
import type { Tensor } from '../../src/tensor/tensor';

const list = (y: Tensor): number[] => Array.from(y.toFloat64Array());

function moments(values: number[]): { mean: number; std: number } {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length) };
}

test('a seed gives the same numbers again, another seed others, each call new ones', () => {
  const [a, b, c] = [rng(7), rng(7), rng(8)];
  const first = list(a.uniform([5]));
  expect(list(b.uniform([5]))).toEqual(first);
  expect(list(c.uniform([5]))).not.toEqual(first);
  expect(list(a.uniform([5]))).not.toEqual(first);
  expect(a.offset).toBe(4);
  expect(list(a.normal([3]))).not.toEqual(list(a.normal([3])));
});

test('a stream is cut anywhere in blocks of four', () => {
  const whole = list(rng(3).uniform([16]));
  const parts = rng(3);
  expect([...list(parts.uniform([8])), ...list(parts.uniform([2, 4]))]).toEqual(whole);
});

test('both devices give the same numbers', () => {
  const [cpu, reference] = [rng(11), rng(11)];
  expect(list(reference.uniform([9], { device: 'reference' }))).toEqual(list(cpu.uniform([9])));
  expect(list(reference.randint(-5, 5, [9], { device: 'reference' }))).toEqual(list(cpu.randint(-5, 5, [9])));
  const [x, y] = [list(reference.normal([101], { device: 'reference' })), list(cpu.normal([101]))];
  expect(x.map(Math.fround)).toEqual(y);
});

test('distributions', () => {
  const r = rng(1);
  const uniform = list(r.uniform([40000], { low: -1, high: 3 }));
  expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...uniform)).toBeLessThanOrEqual(3);
  expect(moments(uniform).mean).toBeCloseTo(1, 1);
  expect(moments(uniform).std).toBeCloseTo(4 / Math.sqrt(12), 1);
  const normal = moments(list(r.normal([40000], { mean: 5, std: 2 })));
  expect(normal.mean).toBeCloseTo(5, 1);
  expect(normal.std).toBeCloseTo(2, 1);
  const counts = new Map<number, number>();
  for (const v of list(r.randint(-2, 3, [50000]))) counts.set(v, (counts.get(v) ?? 0) + 1);
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  for (const n of counts.values()) expect(Math.abs(n - 10000)).toBeLessThan(500);
  expect(Math.max(...list(r.uniform([100000])))).toBeLessThan(1);
});

test('shapes, and the full range of i32', () => {
  expect(rng(1).normal([2, 3]).shape).toEqual([2, 3]);
  expect(rng(1).uniform([]).ndim).toBe(0);
  expect(rng(1).uniform([0]).size).toBe(0);
  const wide = rng(1).randint(-(2 ** 31), 2 ** 31, [1000]);
  expect(wide.dtype).toBe('i32');
  expect(new Set(list(wide)).size).toBe(1000);
});

test('misuse', () => {
  expect(() => rng(-1)).toThrow('[rng] expected seed to be a whole number from 0 below 2^53, received -1.');
  expect(() => rng(0.5)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => rng(NaN)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  const r = rng(0);
  expect(() => r.randint(3, 3, [1])).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => r.randint(0, 1.5, [1])).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => r.randint(0, 2 ** 32, [1])).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => r.uniform([2], { low: 2, high: 1 })).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => r.uniform([2], { max: 1 } as object)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => r.normal([2], { std: -1 })).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => r.uniform([-1])).toThrow(expect.objectContaining({ code: 'ROTOR_SHAPE' }));
  expect(() => r.uniform([1], { device: 'gpu' as 'cpu' })).toThrow(expect.objectContaining({ code: 'ROTOR_DEVICE' }));
  expect(r.offset).toBe(0);
});
