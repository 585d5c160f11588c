import { CaptureError } from '../../src/native/errors';
import { pad } from '../../src/ops/concat';
import { embedding } from '../../src/ops/embedding';
import { argmax } from '../../src/ops/order';
import { softmax } from '../../src/ops/softmax';
import { tril } from '../../src/ops/triangle';
import { reshape, slice, transpose } from '../../src/ops/views';
import { capture } from '../../src/program/capture';
import { tensor } from '../../src/tensor/create';
import { scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';

const x = tensor([
  [1, 2, 3],
  [6, 5, 4],
  [7, 9, 8],
]);

// Views and composites compute the same when captured as at once, also inside a scope.
test.each<[string, () => Tensor]>([
  ['a view that needs a copy', () => reshape(transpose(softmax(x)), [9])],
  ['slices', () => slice(softmax(x), '1:', '::2')],
  ['constants of a composite', () => tril(x)],
  [
    'edges',
    () =>
      pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        -1,
      ),
  ],
  ['another dimension', () => softmax(x, 0)],
  ['ids of an op', () => embedding(x, argmax(x, 1))],
])('%s', (_name, body) => {
  const want = body();
  const program = capture(() => scope(body));
  for (let i = 0; i < 2; i++) {
    program.stepSync();
    expect(program.outputs.toArray()).toEqual(want.toArray());
  }
  program.dispose();
});

test.each([
  ['data', (y: Tensor) => y.data()],
  ['item', (y: Tensor) => slice(y, 0, 0).item()],
  ['toString', (y: Tensor) => y.toString()],
  ['toArray of a view', (y: Tensor) => transpose(y).toArray()],
] as const)('%s is a CaptureError that names the op', (_name, read) => {
  const run = (): unknown =>
    capture(() => {
      const y = softmax(x);
      read(y);
      return y;
    });
  expect(run).toThrow(CaptureError);
  expect(run).toThrow(/"softmax"/);
});
