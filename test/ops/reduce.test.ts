import { all, any, cumsum, max, mean, min, prod, sum } from '../../src/ops/reduce';
import { countNonzero, norm, std, variance } from '../../src/ops/statistics';
import { sampleValues } from '../../src/ops/case-data';
import { full, tensor, zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

const x = tensor([
  [
    [1, 2],
    [3, 4],
  ],
  [
    [5, 6],
    [7, 8],
  ],
]);
const list = (y: Tensor): number[] => Array.from(y.toFloat64Array());

test('dimensions: all, one, several, from the end, kept', () => {
  expect(sum(x).item()).toBe(36);
  expect(sum(x, -1).toArray()).toEqual([
    [3, 7],
    [11, 15],
  ]);
  expect(sum(x, [0, 2]).toArray()).toEqual([14, 22]);
  expect(sum(x, [2, 0], { keepDims: true }).toArray()).toEqual([[[14], [22]]]);
  expect(sum(x, []).toArray()).toEqual(x.toArray());
  expect(mean(x, 0).toArray()).toEqual([
    [3, 4],
    [5, 6],
  ]);
  expect(max(x, [1, 2]).toArray()).toEqual([4, 8]);
  expect(min(x).item()).toBe(1);
  expect(prod(x, 2).toArray()).toEqual([
    [2, 12],
    [30, 56],
  ]);
  expect(cumsum(x, 0).toArray()).toEqual([
    [
      [1, 2],
      [3, 4],
    ],
    [
      [6, 8],
      [10, 12],
    ],
  ]);
  expect(sum(tensor(3)).item()).toBe(3);
});

test('a view and its contiguous copy give the same bits', () => {
  const y = tensor(sampleValues('f32', 35 * 37, 1e6), { shape: [35, 37] });
  const turned = y.view([37, 35], [1, 37], 0);
  const copied = tensor(turned.toArray() as number[][]);
  for (const f of [sum, mean, prod, max, variance, norm]) {
    expect(list(f(turned, 1))).toEqual(list(f(copied, 1)));
    expect(list(f(turned))).toEqual(list(f(copied)));
  }
  expect(list(cumsum(turned, 0))).toEqual(list(cumsum(copied, 0)));
});

test('sums do not lose small terms', () => {
  expect(sum(tensor([1e8, 1, -1e8, 1])).item()).toBe(2);
  expect(mean(full([100001], 0.1)).item()).toBe(Math.fround(0.1));
  expect(list(cumsum(tensor([16777216, 1, 1])))).toEqual([16777216, 16777216, 16777218]);
});

test('dtypes of results', () => {
  expect(sum(tensor([true, true, false])).toString()).toBe('Tensor(2, shape=[], i32)');
  expect(sum(tensor([200, 100], { dtype: 'u8' })).item()).toBe(300);
  expect(sum(tensor([2147483647, 1], { dtype: 'i32' })).item()).toBe(-2147483648);
  expect(mean(tensor([2147483647, 2147483647], { dtype: 'i32' })).item()).toBe(2147483648);
  expect(sum(tensor([1.5, 2.5], { dtype: 'bf16' })).dtype).toBe('f32');
  expect(max(tensor([-128, 5], { dtype: 'i8' })).item()).toBe(5);
});

test('NaN, infinities and nothing at all', () => {
  const bad = tensor([
    [NaN, 1],
    [Infinity, -Infinity],
    [2, 3],
  ]);
  expect(list(max(bad, 1))).toEqual([NaN, Infinity, 3]);
  expect(list(min(bad, 1))).toEqual([NaN, -Infinity, 2]);
  expect(list(sum(bad, 1))).toEqual([NaN, NaN, 5]);
  expect(any(tensor([0, NaN])).toArray()).toBe(true);
  expect(all(tensor([1, 2, 0])).toArray()).toBe(false);
  const none = zeros([2, 0]);
  expect(list(sum(none, 1))).toEqual([0, 0]);
  expect(list(prod(none, 1))).toEqual([1, 1]);
  expect(list(mean(none, 1))).toEqual([NaN, NaN]);
  expect(all(none).toArray()).toBe(true);
  expect(any(none).toArray()).toBe(false);
  expect(max(none, 0).shape).toEqual([0]);
  expect(() => max(none, 1)).toThrow('[max] expected at least one element to reduce, received shape [2, 0].');
});

test('statistics', () => {
  const y = tensor([
    [1, 2, 3, 4],
    [0, 0, -3, 4],
  ]);
  expect(variance(y, 1).toArray()).toEqual([1.25, 6.1875]);
  expect(list(variance(y, 1, { correction: 1, keepDims: true }))).toEqual([Math.fround(5 / 3), 8.25]);
  expect(variance(y, 1, { keepDims: true }).shape).toEqual([2, 1]);
  expect(std(y, 1).toArray()).toEqual([Math.fround(Math.sqrt(1.25)), Math.fround(Math.sqrt(6.1875))]);
  expect(variance(tensor([3]), 0, { correction: 1 }).item()).toBeNaN();
  expect(norm(tensor([3, -4])).item()).toBe(5);
  expect(norm(tensor([3, -4]), 0, { p: 1 }).item()).toBe(7);
  expect(norm(tensor([3, -4]), 0, { p: Infinity }).item()).toBe(4);
  expect(norm(tensor([1, 2]), 0, { p: 3 }).item()).toBeCloseTo(9 ** (1 / 3), 6);
  expect(countNonzero(y, 1).toArray()).toEqual([4, 2]);
  expect(variance(tensor([1, 2, 3], { dtype: 'i32' })).item()).toBeCloseTo(2 / 3, 7);
});

test('misuse', () => {
  expect(() => sum(x, 3)).toThrow('[sum] expected a dimension from -3 to 2, received 3.');
  expect(() => sum(x, [0, -3])).toThrow('[sum] expected every dimension once, received 0, -3.');
  expect(() => sum(x, 0.5)).toThrow(expect.objectContaining({ code: 'ROTOR_SHAPE' }));
  expect(() => sum(tensor(1), 0)).toThrow(expect.objectContaining({ code: 'ROTOR_SHAPE' }));
  expect(() => sum(x, 0, { keepdims: true } as object)).toThrow('Did you mean "keepDims"?');
  expect(() => variance(x, 0, { ddof: 1 } as object)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => norm(x, 0, { p: 0 })).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => cumsum(tensor(1))).toThrow(expect.objectContaining({ code: 'ROTOR_SHAPE' }));
  const gone = tensor([true]);
  gone.dispose();
  expect(() => any(gone)).toThrow(expect.objectContaining({ code: 'ROTOR_DISPOSED' }));
  expect(() => cumsum(gone)).toThrow(expect.objectContaining({ code: 'ROTOR_DISPOSED' }));
});
