import { cast } from '../../src/ops/cast';
import { noise } from '../../src/ops/case-data';
import { linear } from '../../src/ops/linear';
import { matmul } from '../../src/ops/matmul';
import { sample_ } from '../../src/ops/sample';
import { logSoftmax, softmax } from '../../src/ops/softmax';
import { tensor, zeros } from '../../src/tensor/create';
import type { DeviceName } from '../../src/tensor/dtype';
import { moveTo } from '../../src/tensor/move';
import type { Tensor } from '../../src/tensor/tensor';
import { describeCuda, simDevice } from './device';

const floats = (shape: readonly number[], seed: number, spread = 1): Tensor => {
  const size = shape.reduce((n, d) => n * d, 1);
  return tensor(
    Float32Array.from(noise(size, seed), (v) => v * spread),
    { shape },
  );
};
const bits = (x: Tensor): string => Buffer.from(x.data().slice().buffer).toString('hex');

describeCuda('a simulated GPU gives the bits of the CPU', () => {
  // Up to eight rows go by two threads a weight row, more in tiles.
  test.each([
    [1, 300, 2560],
    [3, 130, 100],
    [7, 65, 512],
    [8, 20, 33],
    [9, 70, 200],
    [40, 70, 256],
  ])('linear, %i rows, %i x %i weights', (rows, n, k) => {
    for (const w of [floats([n, k], 2), cast(floats([n, k], 3), 'bf16')]) {
      const run = (device: DeviceName): string => bits(linear(moveTo(floats([rows, k], 1), device), moveTo(w, device)));
      expect(run(simDevice)).toBe(run('cpu'));
    }
  });

  test.each([
    [33, 70, 45],
    [5, 1000, 64],
    [1, 3, 1],
  ])('matmul, %i x %i x %i', (m, k, n) => {
    const run = (device: DeviceName): string =>
      bits(matmul(moveTo(floats([2, m, k], 1), device), moveTo(floats([k, n], 2), device)));
    expect(run(simDevice)).toBe(run('cpu'));
  });

  test.each([1, 100, 2560, 4096])('softmax and log_softmax, rows of %i', (n) => {
    const run = (device: DeviceName): string[] => {
      const x = moveTo(floats([3, n], n, 5), device);
      return [softmax(x), logSoftmax(x)].map(bits);
    };
    expect(run(simDevice)).toEqual(run('cpu'));
  });

  // More candidates than the block sorts at once, for every filter.
  test.each([6, 40])('tokens drawn from 9000 logits of spread %i', (spread) => {
    const params = [
      [1, 0, 1, 0, 1],
      [0, 0, 1, 0, 1],
      [3, 0, 1, 0, 1],
      [1, 2500, 1, 0, 1],
      [1, 0, 0.95, 0, 1],
      [1, 0, 1, 0.01, 1],
      [1, 0, 1, 0, 0.9],
      [2, 3000, 0.9, 0.001, 0.9],
      [100, 0, 0.5, 0, 1],
    ].map((p) => [...p, 1, 0, 0]);
    const [rows, vocab] = [params.length, 9000];
    const run = (device: DeviceName): string[] => {
      const put = (x: Tensor): Tensor => moveTo(x, device);
      const ints = (...shape: number[]): Tensor => put(zeros(shape, { dtype: 'i32' }));
      const token = ints(rows);
      const seed = put(
        tensor(
          Int32Array.from({ length: 2 * rows }, (_, i) => i * 991),
          { shape: [rows, 2] },
        ),
      );
      const state = { token, pos: ints(rows), step: ints(rows), seed, seen: ints(rows, vocab) };
      const bias = put(zeros([rows, vocab]));
      const logits = put(floats([rows, vocab], 4, spread));
      return [sample_(logits, { ...state, params: put(tensor(params)), bias }), token].map(bits);
    };
    expect(run(simDevice)).toEqual(run('cpu'));
  });
});
