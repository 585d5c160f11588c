import { noise } from '../../src/ops/case-data';
import { cumsum, max, mean, sum } from '../../src/ops/reduce';
import { logSoftmax, softmax } from '../../src/ops/softmax';
import { transpose } from '../../src/ops/views';
import { tensor } from '../../src/tensor/create';
import { moveTo } from '../../src/tensor/move';
import type { Tensor } from '../../src/tensor/tensor';
import { describeCuda, simDevice } from './device';

const [rows, cols] = [3, 9001];
const values = Float32Array.from(noise(rows * cols, 5));
const floats = (): Tensor => tensor(values, { shape: [rows, cols] });
const wholes = (): Tensor =>
  tensor(
    Int32Array.from(values, (v) => v * 1e9),
    { shape: [rows, cols] },
  );

function largestError(f: (x: Tensor) => Tensor, x: Tensor): number {
  const want = f(x).toFloat64Array();
  const got = f(moveTo(x, simDevice)).toFloat64Array();
  expect(got.length).toBe(want.length);
  const scale = want.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
  return want.reduce((worst, v, i) => Math.max(worst, Math.abs(v - got[i])), 0) / scale;
}

// Rows beyond a chunk are summed in another order than on the CPU: in double, so that one float32 rounding may differ, and for
// softmax in float32.
describeCuda('rows of several chunks on a simulated GPU', () => {
  test.each([
    ['sum', (x: Tensor) => sum(x, 1)],
    ['sum of everything', (x: Tensor) => sum(x)],
    ['mean across', (x: Tensor) => mean(transpose(x, 0, 1), 0)],
    ['cumsum', (x: Tensor) => cumsum(x, 1)],
    ['cumsum across', (x: Tensor) => cumsum(transpose(x, 0, 1), 0)],
  ] as const)('%s', (_name, f) => {
    expect(largestError(f, floats())).toBeLessThanOrEqual(2 ** -23);
  });

  test.each([
    ['max', (x: Tensor) => max(x, 1)],
    ['sum', (x: Tensor) => sum(x, 1)],
    ['cumsum', (x: Tensor) => cumsum(x, 1)],
  ] as const)('%s of whole numbers is exact', (_name, f) => {
    expect(f(moveTo(wholes(), simDevice)).toFloat64Array()).toEqual(f(wholes()).toFloat64Array());
  });

  test.each([
    ['softmax', softmax],
    ['log_softmax', logSoftmax],
  ] as const)('%s', (_name, f) => {
    expect(largestError(f, floats())).toBeLessThanOrEqual(2 ** -18);
  });
});
