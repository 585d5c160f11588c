import { DeviceError, DTypeError, OptionError, ShapeError } from '../../src/native/errors';
import { concat, flip, pad, stack } from '../../src/ops/concat';
import { bincount, histogram } from '../../src/ops/count';
import { embedding } from '../../src/ops/embedding';
import { gather, oneHot, takeAlongDim } from '../../src/ops/gather';
import { dot, matmul, outer } from '../../src/ops/matmul';
import { argmax, argmin, argsort, sort, topk } from '../../src/ops/order';
import { logSoftmax, softmax } from '../../src/ops/softmax';
import { tril, trilMask, triu } from '../../src/ops/triangle';
import { expand, reshape, slice, transpose, unsqueeze } from '../../src/ops/views';
import { arange, tensor, zeros } from '../../src/tensor/create';
import type { TensorData } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

describe.each(['cpu', 'reference'] as const)('on %s', (device) => {
  const t = (data: TensorData): Tensor => tensor(data, { device });
  const ids = (data: TensorData): Tensor => tensor(data, { device, dtype: 'i32' });
  const range = (...shape: number[]): Tensor =>
    reshape(
      arange(
        shape.reduce((a, b) => a * b, 1),
        undefined,
        1,
        { device, dtype: 'f32' },
      ),
      shape,
    );

  test('concat and stack', () => {
    expect(concat([t([1]), t([2, 3])]).toArray()).toEqual([1, 2, 3]);
    expect(concat([t([[1], [2]]), t([[3], [4]])], -1).toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(concat(Array.from({ length: 70 }, (_, i) => t([i]))).toArray()).toEqual(
      Array.from({ length: 70 }, (_, i) => i),
    );
    expect(
      concat([
        transpose(
          t([
            [1, 2],
            [3, 4],
          ]),
        ),
        t([[9, 9]]),
      ]).toArray(),
    ).toEqual([
      [1, 3],
      [2, 4],
      [9, 9],
    ]);
    expect(stack([t([1, 2]), t([3, 4])]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(stack([t([1, 2]), t([3, 4])], -1).toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(stack([t(1), t(2)]).toArray()).toEqual([1, 2]);
    expect(() => concat([])).toThrow(OptionError);
    expect(() => concat([t([1]), ids([1])])).toThrow(DTypeError);
    expect(() => concat([t([1]), t([[1]])])).toThrow(ShapeError);
    expect(() => concat([t([[1, 2]]), t([[1]])])).toThrow(ShapeError);
    expect(() => concat([t(1), t(2)])).toThrow(/stack\(\)/);
    expect(() => concat([t([1])], 1)).toThrow(ShapeError);
    expect(() => stack([t([1]), t([1, 2])])).toThrow(ShapeError);
  });

  test('flip and pad', () => {
    expect(
      flip(
        t([
          [1, 2],
          [3, 4],
        ]),
      ).toArray(),
    ).toEqual([
      [4, 3],
      [2, 1],
    ]);
    expect(
      flip(
        t([
          [1, 2],
          [3, 4],
        ]),
        -1,
      ).toArray(),
    ).toEqual([
      [2, 1],
      [4, 3],
    ]);
    expect(flip(slice(range(10), '1::4')).toArray()).toEqual([9, 5, 1]);
    expect(() => flip(t([1]), 1)).toThrow(ShapeError);
    expect(
      pad(
        t([[1]]),
        [
          [1, 0],
          [0, 2],
        ],
        -1,
      ).toArray(),
    ).toEqual([
      [-1, -1, -1],
      [1, -1, -1],
    ]);
    expect(pad(t([1]), [[0, 0]]).toArray()).toEqual([1]);
    expect(() => pad(t([1]), [])).toThrow(ShapeError);
    expect(() => pad(t([1]), [[-1, 0]])).toThrow(ShapeError);
  });

  test('gather, take along, one-hot', () => {
    expect(gather(range(3, 2), ids([2, 0])).toArray()).toEqual([
      [4, 5],
      [0, 1],
    ]);
    expect(gather(range(2, 3), ids([[2], [0]]), -1).toArray()).toEqual([
      [[2], [0]],
      [[5], [3]],
    ]);
    expect(gather(range(3, 2), ids(1)).toArray()).toEqual([2, 3]);
    expect(gather(transpose(range(2, 3)), ids([1])).toArray()).toEqual([[1, 4]]);
    expect(
      takeAlongDim(
        range(2, 3),
        ids([
          [2, 0],
          [1, 1],
        ]),
      ).toArray(),
    ).toEqual([
      [2, 0],
      [4, 4],
    ]);
    expect(oneHot(ids([2, 0]), 3).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect(() => gather(range(3), t([0]))).toThrow(DTypeError);
    expect(() => gather(t(3), ids([0]))).toThrow(ShapeError);
    expect(() => takeAlongDim(range(2, 3), ids([0]))).toThrow(ShapeError);
    expect(() => oneHot(ids([0]), -1)).toThrow(OptionError);
  });

  test.each([-1, 3, 2147483647, -2147483648])('index %d outside is an error, and the process lives', (bad) => {
    const text = new RegExp(`expected an index from 0 to 2, received ${bad}`);
    expect(() => gather(range(3, 2), ids([0, bad]))).toThrow(text);
    expect(() => takeAlongDim(range(3), ids([bad]))).toThrow(text);
    expect(() => oneHot(ids([bad]), 3)).toThrow(text);
    expect(() => embedding(range(3, 2), ids([bad]))).toThrow(text);
    expect(() => bincount(ids([bad]), 3)).toThrow(text);
    expect(() => bincount(ids([bad]), 3)).toThrow(ShapeError);
  });

  test('argmax and argmin', () => {
    const x = t([
      [1, 5, 5],
      [-2, NaN, 9],
    ]);
    expect(argmax(x, 1).toArray()).toEqual([1, 1]);
    expect(argmin(x, -1, { keepDims: true }).toArray()).toEqual([[0], [1]]);
    expect(argmax(x, 0).toArray()).toEqual([0, 1, 1]);
    expect(argmax(x).item()).toBe(4);
    expect(argmin(x, undefined, { keepDims: true }).toArray()).toEqual([[4]]);
    expect(argmax(t(3)).item()).toBe(0);
    expect(argmax(t(3), 0).item()).toBe(0);
    expect(argmax(t([-Infinity, -Infinity])).item()).toBe(0);
    expect(argmax(slice(range(10), '::3')).item()).toBe(3);
    expect(() => argmax(t([]))).toThrow(ShapeError);
    expect(() => argmax(x, 2)).toThrow(ShapeError);
    expect(() => argmax(x, 0, { keepdims: true } as never)).toThrow(/Did you mean "keepDims"/);
    expect(() => argmax(tensor([1], { dtype: 'bf16', device }))).toThrow(DTypeError);
  });

  test('sort, argsort, topk', () => {
    const x = t([3, NaN, -0, 0, 3, -1]);
    expect(sort(x).indices.toArray()).toEqual([5, 2, 3, 0, 4, 1]);
    expect(sort(x, -1, { descending: true }).indices.toArray()).toEqual([1, 0, 4, 2, 3, 5]);
    expect(takeAlongDim(x, argsort(x)).toArray()).toEqual(sort(x).values.toArray());
    expect(
      sort(
        t([
          [3, 1],
          [2, 5],
        ]),
        0,
      ).values.toArray(),
    ).toEqual([
      [2, 1],
      [3, 5],
    ]);
    const { values, indices } = topk(x, 3);
    expect(values.toArray()).toEqual([NaN, 3, 3]);
    expect(indices.toArray()).toEqual([1, 0, 4]);
    expect(topk(x, 2, -1, { largest: false }).indices.toArray()).toEqual([5, 2]);
    expect(
      topk(
        t([
          [3, 1],
          [2, 5],
        ]),
        1,
        0,
      ).indices.toArray(),
    ).toEqual([[0, 1]]);
    expect(() => topk(x, 7)).toThrow(OptionError);
    expect(() => topk(x, -1)).toThrow(OptionError);
    expect(() => topk(x, 1.5)).toThrow(OptionError);
    expect(() => sort(t(1))).toThrow(ShapeError);
    expect(() => sort(x, 0, { reverse: true } as never)).toThrow(OptionError);
  });

  test('counting', () => {
    expect(
      bincount(
        ids([
          [1, 3],
          [1, 0],
        ]),
        5,
      ).toArray(),
    ).toEqual([1, 2, 0, 1, 0]);
    const { counts, edges } = histogram(t([0, 0.5, 1, 2, NaN, Infinity]), { bins: 2, range: [0, 2] });
    expect(counts.toArray()).toEqual([2, 2]);
    expect([...edges]).toEqual([0, 1, 2]);
    expect(histogram(t([1, 2, 3, NaN]), { bins: 2 }).counts.toArray()).toEqual([1, 2]);
    expect([...histogram(t([]), { bins: 1 }).edges]).toEqual([0, 1]);
    expect(() => histogram(t([1]), { bins: 0 })).toThrow(OptionError);
    expect(() => histogram(t([1]), { range: [2, 1] })).toThrow(OptionError);
    expect(() => histogram(t([1]), { range: [0, Infinity] })).toThrow(OptionError);
    expect(() => histogram(ids([1]))).toThrow(DTypeError);
  });

  test('matmul in every form NumPy has', () => {
    const a = t([
      [1, 2],
      [3, 4],
    ]);
    expect(matmul(a, a).toArray()).toEqual([
      [7, 10],
      [15, 22],
    ]);
    expect(matmul(transpose(a), a).toArray()).toEqual([
      [10, 14],
      [14, 20],
    ]);
    expect(matmul(a, transpose(a)).toArray()).toEqual([
      [5, 11],
      [11, 25],
    ]);
    expect(matmul(a, t([1, 1])).toArray()).toEqual([3, 7]);
    expect(matmul(t([1, 1]), a).toArray()).toEqual([4, 6]);
    expect(matmul(t([1, 2]), t([3, 4])).toArray()).toBe(11);
    expect(matmul(range(2, 1, 2, 2), expand(a, [3, 2, 2])).shape).toEqual([2, 3, 2, 2]);
    expect(matmul(t([1, 1]), expand(a, [3, 2, 2])).toArray()).toEqual([
      [4, 6],
      [4, 6],
      [4, 6],
    ]);
    expect(matmul(expand(a, [3, 2, 2]), t([1, 1])).toArray()).toEqual([
      [3, 7],
      [3, 7],
      [3, 7],
    ]);
    expect(dot(t([1, 2]), t([3, 4])).item()).toBe(11);
    expect(outer(t([1, 2]), t([3, 4, 5])).toArray()).toEqual([
      [3, 4, 5],
      [6, 8, 10],
    ]);
    expect(() => matmul(a, t([1, 2, 3]))).toThrow(/\[matmul\] expected shapes/);
    expect(() => matmul(a, t(2))).toThrow(/mul\(\)/);
    expect(() =>
      matmul(
        a,
        ids([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toThrow(DTypeError);
    expect(() => matmul(range(2, 2, 2), range(3, 2, 2))).toThrow(ShapeError);
    expect(() => dot(a, a)).toThrow(ShapeError);
  });

  test('softmax', () => {
    const masked = softmax(
      t([
        [0, -Infinity, 0],
        [-Infinity, -Infinity, -Infinity],
      ]),
    ).toArray();
    expect(masked).toEqual([
      [0.5, 0, 0.5],
      [NaN, NaN, NaN],
    ]);
    expect(
      softmax(
        t([
          [0, 9],
          [0, 9],
        ]),
        0,
      ).toArray(),
    ).toEqual([
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
    expect(logSoftmax(t([-Infinity, 5])).toArray()).toEqual([-Infinity, 0]);
    expect(logSoftmax(t([1000, 1000])).toFloat64Array()[0]).toBeCloseTo(-Math.log(2), 6);
    expect(() => softmax(t(1))).toThrow(ShapeError);
    expect(() => softmax(ids([1]))).toThrow(DTypeError);
    expect(() => softmax(t([1]), 1)).toThrow(ShapeError);
  });

  test('triangles', () => {
    expect(tril(range(2, 3)).toArray()).toEqual([
      [0, 0, 0],
      [3, 4, 0],
    ]);
    expect(triu(range(2, 3), 1).toArray()).toEqual([
      [0, 1, 2],
      [0, 0, 5],
    ]);
    expect(
      tril(
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { dtype: 'i32', device },
        ),
        -1,
      ).toArray(),
    ).toEqual([
      [0, 0],
      [3, 0],
    ]);
    expect(trilMask(2, 3, 0, { device }).toArray()).toEqual([
      [true, false, false],
      [true, true, false],
    ]);
    expect(() => tril(t([1]))).toThrow(ShapeError);
    expect(() => trilMask(-1)).toThrow(ShapeError);
  });

  test('embedding takes a table and a list', () => {
    expect(
      embedding(
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { dtype: 'bf16', device },
        ),
        ids([1, 1]),
      ).toArray(),
    ).toEqual([
      [3, 4],
      [3, 4],
    ]);
    expect(() => embedding(range(4), ids([0]))).toThrow(ShapeError);
    expect(() => embedding(range(2, 2), ids([[0]]))).toThrow(ShapeError);
    expect(() => embedding(range(2, 2), t([0]))).toThrow(DTypeError);
  });
});

test('a captured index outside is an error of the step, and the next step works', async () => {
  const { capture } = await import('../../src/program/capture');
  const table = zeros([3, 2]);
  const id = tensor([7], { dtype: 'i32' });
  const program = capture(() => embedding(table, id));
  expect(() => program.stepSync()).toThrow(/received 7/);
  id.data()[0] = 1;
  program.stepSync();
  await expect(program.step()).resolves.not.toThrow();
  program.dispose();
});

test('inputs of two devices are an error', () => {
  expect(() => matmul(tensor([[1]]), tensor([[1]], { device: 'reference' }))).toThrow(DeviceError);
});

test('a product of any layout has the bits of the contiguous one', () => {
  const wave = (...shape: number[]): Tensor =>
    reshape(tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * i))), shape);
  const x = wave(7, 37);
  const w = wave(37, 11);
  const want = matmul(x, w).data();
  const xt = transpose(reshape(transpose(x), [37, 7]));
  const wt = transpose(reshape(transpose(w), [11, 37]));
  for (const [a, b] of [
    [xt, w],
    [x, wt],
    [xt, wt],
    [slice(concat([x, x], 1), ':', ':37'), w],
  ])
    expect(matmul(a, b).data()).toEqual(want);
  // Each row alone, too.
  for (let i = 0; i < 7; i++)
    expect(matmul(unsqueeze(slice(x, i), 0), w).data()).toEqual(want.slice(11 * i, 11 * i + 11));
});
