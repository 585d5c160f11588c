import { bootstrapInterval, bootstrapRatio, mean, median, stddev } from '../../src/bench/stats';
import { OptionError } from '../../src/native/errors';

describe('statistics', () => {
  test('median of odd and even counts, unsorted, numbers not compared as text', () => {
    expect(median([10, 9, 100])).toBe(10);
    expect(median(Float64Array.of(4, 1, 3, 2))).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  test('mean and standard deviation of a sample', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(stddev([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12);
    expect(stddev([5])).toBe(0);
  });

  test('the interval holds the median, lies within the values, and repeats', () => {
    const values = [10, 12, 9, 11, 30, 10.5, 11.5];
    const [low, high] = bootstrapInterval(values);
    expect(low).toBeGreaterThanOrEqual(9);
    expect(high).toBeLessThanOrEqual(30);
    expect(low).toBeLessThanOrEqual(median(values));
    expect(high).toBeGreaterThanOrEqual(median(values));
    expect(bootstrapInterval(values)).toEqual([low, high]);
    expect(bootstrapInterval([3, 3, 3])).toEqual([3, 3]);
  });

  test('about 95 of 100 intervals hold the true median', () => {
    let held = 0;
    let state = 12345;
    const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
    for (let trial = 0; trial < 100; trial++) {
      const [low, high] = bootstrapInterval(Array.from({ length: 15 }, random), { resamples: 200, seed: trial });
      if (low <= 0.5 && high >= 0.5) held++;
    }
    expect(held).toBeGreaterThan(86);
    expect(held).toBeLessThan(100);
  });

  test('a wider level gives a wider interval', () => {
    const values = Array.from({ length: 21 }, (_, i) => i * i);
    const [low, high] = bootstrapInterval(values, { level: 0.99 });
    const [inner, outer] = bootstrapInterval(values, { level: 0.5 });
    expect(low).toBeLessThan(inner);
    expect(high).toBeGreaterThan(outer);
  });

  test('the interval of a ratio holds it, and is a point when both are', () => {
    const [low, high] = bootstrapRatio([9, 10, 11, 10.5, 9.5], [4, 5, 6, 5.5, 4.5]);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(low).toBeGreaterThanOrEqual(9 / 6);
    expect(high).toBeLessThanOrEqual(11 / 4);
    expect(bootstrapRatio([6, 6], [3, 3])).toEqual([2, 2]);
  });

  test.each([
    ['ratio to nothing', () => bootstrapRatio([1], [])],
    ['median of nothing', () => median([])],
    ['mean of nothing', () => mean([])],
    ['deviation of nothing', () => stddev([])],
    ['interval of nothing', () => bootstrapInterval([])],
    ['level 1', () => bootstrapInterval([1], { level: 1 })],
    ['no resamples', () => bootstrapInterval([1], { resamples: 0 })],
  ])('%s is an OptionError', (_, body) => {
    expect(body).toThrow(OptionError);
  });
});
