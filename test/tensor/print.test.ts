import { inspect } from 'node:util';

import { DisposedError, OptionError } from '../../src/native/errors';
import { transpose } from '../../src/ops/views';
import { arange, tensor, zeros } from '../../src/tensor/create';
import { reshape, slice } from '../../src/ops/views';

const text = (x: { toString(): string }): string => x.toString();

test.each([
  ['whole floats', tensor([1, -2, 30]), 'Tensor([ 1., -2., 30.], shape=[3], f32)'],
  [
    'fractions line up',
    tensor([
      [1, 2.5],
      [-0.125, 100],
    ]),
    'Tensor([[  1.000,   2.500],\n        [ -0.125, 100.000]], shape=[2, 2], f32)',
  ],
  ['four digits', tensor([1 / 3, 2 / 3]), 'Tensor([0.3333, 0.6667], shape=[2], f32)'],
  ['wide range', tensor([1e-6, 1]), 'Tensor([1.0000e-6, 1.0000e+0], shape=[2], f32)'],
  ['huge', tensor([2e10]), 'Tensor([2.0000e+10], shape=[1], f32)'],
  ['not finite', tensor([NaN, Infinity, -Infinity, 0.5]), 'Tensor([ nan,  inf, -inf,  0.5], shape=[4], f32)'],
  [
    'integers',
    tensor(
      [
        [1, -10],
        [100, 0],
      ],
      { dtype: 'i32' },
    ),
    'Tensor([[  1, -10],\n        [100,   0]], shape=[2, 2], i32)',
  ],
  ['booleans', tensor([true, false]), 'Tensor([ true, false], shape=[2], bool)'],
  ['bf16 as values', tensor([1, 0.5], { dtype: 'bf16' }), 'Tensor([1.0, 0.5], shape=[2], bf16)'],
  ['no dimensions', tensor(3), 'Tensor(3., shape=[], f32)'],
  ['nothing', zeros([0, 3]), 'Tensor([], shape=[0, 3], f32)'],
  ['another device', tensor([1], { device: 'reference' }), 'Tensor([1.], shape=[1], f32, reference)'],
  ['three dimensions', reshape(arange(4), [2, 1, 2]), 'Tensor([[[0, 1]],\n\n        [[2, 3]]], shape=[2, 1, 2], i32)'],
  [
    'a view',
    transpose(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    ),
    'Tensor([[1., 3.],\n        [2., 4.]], shape=[2, 2], f32)',
  ],
  ['a stretched slice', slice(arange(10), '1::3'), 'Tensor([1, 4, 7], shape=[3], i32)'],
])('%s', (_name, x, want) => expect(text(x)).toBe(want));

test('a large tensor shows its edges', () => {
  expect(text(arange(2000))).toBe('Tensor([   0,    1,    2, ..., 1997, 1998, 1999], shape=[2000], i32)');
  expect(reshape(arange(40), [8, 5]).toString({ threshold: 10, edgeItems: 1 })).toBe(
    'Tensor([[ 0, ...,  4],\n        ...,\n        [35, ..., 39]], shape=[8, 5], i32)',
  );
  expect(text(zeros([30, 30]))).toContain('0.');
});

test('only what is shown is read: printing a gigabyte is instant', () => {
  const x = zeros([2 ** 14, 2 ** 14]);
  const start = process.memoryUsage().rss;
  expect(text(x)).toMatch(/^Tensor\(\[\[0\., 0\., 0\., \.\.\., 0\., 0\., 0\.\],/);
  expect(process.memoryUsage().rss - start).toBeLessThan(100e6);
  x.dispose();
});

test('precision, and options that make no sense', () => {
  expect(tensor([Math.PI]).toString({ precision: 2 })).toBe('Tensor([3.14], shape=[1], f32)');
  expect(() => tensor([1]).toString({ precision: -1 })).toThrow(OptionError);
  expect(() => tensor([1]).toString({ edgeItems: 0.5 })).toThrow(OptionError);
  expect(() => tensor([1]).toString({ threshold: NaN })).toThrow(OptionError);
  expect(() => tensor([1]).toString({ precison: 2 } as never)).toThrow(/Did you mean "precision"/);
});

test('console.log prints it, and says when it is gone', () => {
  const x = tensor([1, 2]);
  expect(inspect(x)).toBe('Tensor([1., 2.], shape=[2], f32)');
  x.dispose();
  expect(inspect(x)).toBe('Tensor(disposed, shape=[2], f32)');
  expect(() => x.toString()).toThrow(DisposedError);
});
