import { DisposedError, OptionError, ShapeError } from '../../src/native/errors';
import {
  at,
  chunk,
  contiguous,
  expand,
  flatten,
  narrow,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from '../../src/ops/views';
import { arange, tensor, zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

const cube = (): Tensor => reshape(arange(24), [2, 3, 4]);
const shares = (x: Tensor, y: Tensor): boolean => x.storage === y.storage;

describe('slice', () => {
  // Python's range of indices, the slow and obvious way.
  const python = (n: number, begin?: number, end?: number, step = 1): number[] => {
    const clip = (i: number): number => Math.min(Math.max(i < 0 ? i + n : i, 0), n);
    const out = [];
    for (let i = clip(begin ?? 0); i < clip(end ?? n); i += step) out.push(i);
    return out;
  };

  test('ranges are those of Python', () => {
    const bounds = [undefined, -9, -5, -1, 0, 2, 5, 9];
    for (const n of [0, 1, 5]) {
      const x = arange(n);
      for (const begin of bounds)
        for (const end of bounds)
          for (const step of [undefined, 1, 2, 7]) {
            const text = `${begin ?? ''}:${end ?? ''}${step === undefined ? '' : `:${step}`}`;
            expect([text, slice(x, text).toArray()]).toEqual([text, python(n, begin, end, step)]);
          }
    }
  });

  test.each<[string, Parameters<typeof slice> extends [Tensor, ...infer A] ? A : never, readonly number[], unknown]>([
    [
      'as in the manual',
      [':', '-1', '1:4:2'],
      [2, 2],
      [
        [9, 11],
        [21, 23],
      ],
    ],
    ['a number drops the dimension', [1, 0], [4], [12, 13, 14, 15]],
    ['so does text', ['-1', '0'], [4], [12, 13, 14, 15]],
    [
      'dimensions not named are whole',
      ['1'],
      [3, 4],
      [
        [12, 13, 14, 15],
        [16, 17, 18, 19],
        [20, 21, 22, 23],
      ],
    ],
    [
      'an ellipsis',
      ['...', 2],
      [2, 3],
      [
        [2, 6, 10],
        [14, 18, 22],
      ],
    ],
    ['a new dimension', [0, null, 0], [1, 4], [[0, 1, 2, 3]]],
    ['nothing', [':', '3:'], [2, 0, 4], [[], []]],
    ['all indices', [1, 2, 3], [], 23],
    ['spaces', [0, 0, ' 1 : 3 '], [2], [1, 2]],
  ])('%s', (_name, args, shape, want) => {
    const x = cube();
    const y = slice(x, ...args);
    expect(y.shape).toEqual(shape);
    expect(y.toArray()).toEqual(want);
    expect(shares(x, y)).toBe(true);
  });

  test('slices of slices', () => {
    expect(slice(slice(arange(100), '10:90:3'), '-2::1').toArray()).toEqual([85, 88]);
  });

  test('errors', () => {
    const x = cube();
    expect(() => slice(x, 2)).toThrow(
      /\[slice\] expected an index from -2 to 1 for dimension 0 of shape \[2, 3, 4\], received 2/,
    );
    expect(() => slice(x, ':', '-4')).toThrow(ShapeError);
    expect(() => slice(x, 0, 0, 0, 0)).toThrow(ShapeError);
    expect(() => slice(x, '...', '...')).toThrow(ShapeError);
    expect(() => slice(x, 0.5)).toThrow(ShapeError);
    expect(() => slice(x, NaN)).toThrow(ShapeError);
    expect(() => slice(x, '::-1')).toThrow(/flip\(\)/);
    expect(() => slice(x, '::0')).toThrow(OptionError);
    for (const bad of ['', 'a', '1:2:3:4', '1.5', '--1', '1,2']) expect(() => slice(x, bad)).toThrow(OptionError);
    expect(() => slice(x, undefined as never)).toThrow(OptionError);
    expect(() => slice(x, [0, 1] as never)).toThrow(OptionError);
    expect(() => slice(x, null, null, null, null)).toThrow(ShapeError);
  });
});

test('at takes whole numbers, also from the end', () => {
  const x = cube();
  expect(at(x, 1, -1, 0).item()).toBe(20);
  expect(at(x, -2).shape).toEqual([3, 4]);
  expect(at(x).toArray()).toEqual(x.toArray());
  for (const bad of [[2], [0, 3], [0, 0, 0, 0], [0.5], [-3]]) expect(() => at(x, ...bad)).toThrow(ShapeError);
});

describe('reshape', () => {
  test('is a view where strides can show it', () => {
    const x = cube();
    const views: [Tensor, number[]][] = [
      [x, [6, 4]],
      [x, [2, -1]],
      [x, [1, 24, 1]],
      [slice(x, ':', ':', ':2'), [6, 2]],
      [slice(x, ':', '1:'), [2, 2, 2, 2]],
      [transpose(x, 0, 1), [3, 2, 2, 2]],
      [expand(reshape(arange(4), [1, 4]), [3, 4]), [3, 2, 2]],
    ];
    for (const [from, shape] of views) {
      const y = reshape(from, shape);
      expect(shares(from, y)).toBe(true);
      expect(y.toFloat64Array()).toEqual(from.toFloat64Array());
    }
  });

  test('is a copy where they cannot', () => {
    for (const from of [transpose(cube()), slice(cube(), ':', ':', ':3'), expand(reshape(arange(3), [3, 1]), [3, 4])]) {
      const y = reshape(from, [-1]);
      expect(shares(from, y)).toBe(false);
      expect(y.isContiguous).toBe(true);
      expect(y.toFloat64Array()).toEqual(from.toFloat64Array());
    }
  });

  test('takes 0 and 1 elements', () => {
    expect(reshape(zeros([0, 3]), [3, 0]).shape).toEqual([3, 0]);
    expect(reshape(tensor(5), [1, 1]).toArray()).toEqual([[5]]);
    expect(reshape(tensor([[5]]), []).toArray()).toBe(5);
    expect(reshape(zeros([0, 3]), [-1, 3]).shape).toEqual([0, 3]);
  });

  test('errors', () => {
    const x = cube();
    for (const bad of [[5, 5], [-1, 5], [-1, -1], [-2, -12], [2.5], [0, -1]])
      expect(() => reshape(x, bad)).toThrow(ShapeError);
    expect(() => reshape(zeros([0]), [0, -1])).toThrow(ShapeError);
    expect(() => reshape(x, [1, 1, 1, 1, 1, 1, 24])).toThrow(ShapeError);
    x.dispose();
    expect(() => reshape(x, [24])).toThrow(DisposedError);
  });

  test('a copy leaves no memory of its own behind', () => {
    const x = transpose(cube());
    const y = reshape(x, [24]);
    y.dispose();
    expect(y.storage.disposed).toBe(true);
  });
});

test('dimensions change places', () => {
  const x = cube();
  expect(transpose(x).shape).toEqual([2, 4, 3]);
  expect(at(transpose(x), 1, 3, 2).item()).toBe(23);
  expect(transpose(x, 0, -1).shape).toEqual([4, 3, 2]);
  expect(permute(x, [2, 0, 1]).shape).toEqual([4, 2, 3]);
  expect(at(permute(x, [2, 0, 1]), 3, 1, 0).item()).toBe(15);
  expect(() => permute(x, [0, 1])).toThrow(ShapeError);
  expect(() => permute(x, [0, 1, 1])).toThrow(ShapeError);
  expect(() => transpose(x, 0, 3)).toThrow(ShapeError);
  expect(() => transpose(tensor([1]))).toThrow(ShapeError);
});

test('dimensions of 1 come and go', () => {
  const x = zeros([1, 3, 1]);
  expect(squeeze(x).shape).toEqual([3]);
  expect(squeeze(x, 0).shape).toEqual([3, 1]);
  expect(squeeze(x, -1).shape).toEqual([1, 3]);
  expect(() => squeeze(x, 1)).toThrow(ShapeError);
  expect(unsqueeze(tensor([1, 2]), 0).shape).toEqual([1, 2]);
  expect(unsqueeze(tensor([1, 2]), -1).toArray()).toEqual([[1], [2]]);
  expect(unsqueeze(tensor(4), 0).toArray()).toEqual([4]);
  expect(() => unsqueeze(x, 5)).toThrow(ShapeError);
  expect(() => unsqueeze(zeros([1, 1, 1, 1, 1, 1]), 0)).toThrow(ShapeError);
  expect(flatten(cube()).shape).toEqual([24]);
  expect(flatten(cube(), 1).shape).toEqual([2, 12]);
  expect(flatten(cube(), 0, 1).shape).toEqual([6, 4]);
  expect(flatten(tensor(4)).shape).toEqual([1]);
  expect(() => flatten(cube(), 2, 1)).toThrow(ShapeError);
});

test('expand repeats without a copy', () => {
  const x = tensor([[1], [2]]);
  const y = expand(x, [3, -1, 2]);
  expect(y.toArray()).toEqual(
    Array(3).fill([
      [1, 1],
      [2, 2],
    ]),
  );
  expect(shares(x, y)).toBe(true);
  expect(contiguous(y).toArray()).toEqual(y.toArray());
  expect(contiguous(x)).toBe(x);
  expect(() => expand(x, [3, 2])).toThrow(ShapeError);
  expect(() => expand(x, [2])).toThrow(ShapeError);
  expect(() => expand(x, [-1, 2, 1])).toThrow(ShapeError);
});

test('split, chunk and narrow', () => {
  const parts = (list: Tensor[]): unknown[] => list.map((x) => x.toArray());
  expect(parts(split(arange(5), 2))).toEqual([[0, 1], [2, 3], [4]]);
  expect(parts(split(arange(5), [1, 0, 4]))).toEqual([[0], [], [1, 2, 3, 4]]);
  expect(split(cube(), 2, -1).map((x) => x.shape)).toEqual([
    [2, 3, 2],
    [2, 3, 2],
  ]);
  expect(parts(chunk(arange(5), 3))).toEqual([[0, 1], [2, 3], [4]]);
  expect(parts(split(arange(0), 3))).toEqual([[]]);
  expect(narrow(cube(), 1, 1, 2).shape).toEqual([2, 2, 4]);
  expect(() => split(arange(5), 0)).toThrow(OptionError);
  expect(() => split(arange(5), [2, 2])).toThrow(ShapeError);
  expect(() => split(arange(5), [6, -1])).toThrow(ShapeError);
  expect(() => split(tensor(1), 1)).toThrow(ShapeError);
  expect(() => chunk(arange(5), 0)).toThrow(OptionError);
  expect(() => narrow(arange(5), 0, 3, 3)).toThrow(ShapeError);
  expect(() => narrow(arange(5), 0, -1, 1)).toThrow(ShapeError);
});
