import * as ops from '../../src/ops';
import * as api from '../../src/tensor';
import { ShapeError } from '../../src/native/errors';

const { arange, tensor } = api;

test('methods chain as in the manual', () => {
  const x = arange(24).cast('f32').reshape([2, 3, 4]);
  expect(x.slice(':', '-1', '1:4:2').toArray()).toEqual([
    [9, 11],
    [21, 23],
  ]);
  expect(x.at(1, -1, 0).item()).toBe(20);
  expect(x.T.shape).toEqual([4, 3, 2]);
  expect(tensor(5).T.item()).toBe(5);
  expect(x.transpose().softmax().sum(-1).add(-1).abs().max().item()).toBeLessThan(1e-6);
  expect(x.slice(0).matmul(x.slice(0).T).shape).toEqual([3, 3]);
  expect(x.topk(2).indices.toArray()).toEqual([
    [
      [3, 2],
      [3, 2],
      [3, 2],
    ],
    [
      [3, 2],
      [3, 2],
      [3, 2],
    ],
  ]);
  expect(x.argmax().item()).toBe(23);
  expect(x.flatten().histogram({ bins: 2 }).counts.toArray()).toEqual([12, 12]);
  expect(
    x
      .flip()
      .gather(tensor([0], { dtype: 'i32' }))
      .squeeze(0)
      .at(0, 0)
      .item(),
  ).toBe(23);
  expect(() => x.slice(2)).toThrow(ShapeError);
  expect(() => x.reshape([5, 5])).toThrow(ShapeError);
});

test('every movement and selection function that takes a tensor first is a method, with the same result', () => {
  const names = [
    ...[
      'slice',
      'at',
      'reshape',
      'flatten',
      'transpose',
      'permute',
      'squeeze',
      'unsqueeze',
      'expand',
      'narrow',
      'split',
      'chunk',
    ],
    ...[
      'contiguous',
      'copy',
      'flip',
      'pad',
      'gather',
      'takeAlongDim',
      'tril',
      'triu',
      'matmul',
      'dot',
      'outer',
      'softmax',
      'logSoftmax',
    ],
    ...['argmax', 'argmin', 'sort', 'argsort', 'topk', 'oneHot', 'bincount', 'histogram'],
  ] as const;
  for (const name of names) {
    expect(typeof ops[name]).toBe('function');
    expect(typeof api.Tensor.prototype[name]).toBe('function');
  }
});

test('what is public has no helper names in it', () => {
  const names = [...Object.keys(ops), ...Object.keys(api)];
  expect(names.filter((name) => /Def$|Cases?$|^(expect|check|run|track|empty)/.test(name))).toEqual([]);
  for (const [name, value] of Object.entries({ ...ops, ...api })) expect([name, value]).not.toEqual([name, undefined]);
});
