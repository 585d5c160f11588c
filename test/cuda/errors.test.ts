import '../../src/ops/methods';

import { loadModel } from '../../src/language-model';
import { deviceInfo, memoryStats } from '../../src/native/device-info';
import { embedding } from '../../src/ops/embedding';
import { kvAppend_ } from '../../src/ops/kv';
import { capture } from '../../src/program/capture';
import { tensor, zeros } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';
import { MODELS } from '../load/fixtures';
import { describeCuda, simDevice } from './device';

const device = simDevice;

describeCuda('bad input on a simulated GPU', () => {
  test('tensors of two devices do not meet', () => {
    const [a, b] = [tensor([1, 2], { device }), tensor([1, 2])];
    expect(() => a.add(b)).toThrow(
      /expected inputs on one device, received "cuda-sim" and "cpu". Move one with to\(\)/,
    );
    expect(() => capture(() => a.add(1).add(b))).toThrow(/expected inputs on one device/);
  });

  test('an index out of range is an error of its op, eager and captured, and the device goes on', () => {
    const table = zeros([4, 8], { device });
    const ids = tensor([1, 7], { dtype: 'i32', device });
    expect(() => embedding(table, ids)).toThrow(/\[embedding\] expected an index from 0 to 3, received 7/);
    const program = capture(() => embedding(table, ids).add(1));
    expect(() => program.stepSync()).toThrow(/\[embedding\] expected an index from 0 to 3, received 7/);
    program.dispose();
    expect(tensor([1, 2], { device }).add(1).toArray()).toEqual([2, 3]);
  });

  test('a key beyond f16 is an error, and leaves in the cache what it leaves on the cpu', () => {
    const values = [1, 2, 7e4, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const [got, want] = ([device, 'cpu'] as const).map((where) => {
      const cache = zeros([1, 2, 4, 2], { dtype: 'f16', device: where });
      const rows = (...data: number[]): Tensor => tensor(data, { dtype: 'i32', device: where });
      const x = tensor(values, { shape: [3, 2, 2], device: where });
      expect(() => kvAppend_(cache, x, rows(0, 0, 0), rows(0, 1, 2))).toThrow(/expected keys and values up to 65504/);
      return cache.toFloat64Array();
    });
    expect(got).toEqual(want);
    expect(got.filter(Number.isNaN)).toHaveLength(2);
  });

  test('too little memory is said in bytes', () => {
    const before = memoryStats();
    expect(() => zeros([1 << 20, 1 << 14], { device })).toThrow(
      /expected 68719476736 bytes on "cuda-sim", received \d+ free of \d+\. Dispose tensors/,
    );
    expect(memoryStats().deviceBytes).toBe(before.deviceBytes);
  });

  test('memory of the device is counted, and given back', () => {
    const before = memoryStats();
    const x = zeros([1000], { device });
    expect(memoryStats().deviceBytes - before.deviceBytes).toBe(4000);
    expect(memoryStats().liveBytes).toBe(before.liveBytes);
    x.dispose();
    expect(memoryStats().deviceBytes).toBe(before.deviceBytes);
  });

  test('packed weights do not move as plain tensors, and tensors print where they are', () => {
    const x = tensor([1.5], { device });
    expect(String(x)).toMatch(/cuda-sim/);
    expect(x.to('cpu').device).toBe('cpu');
    expect(x.to('cpu').toArray()).toEqual([1.5]);
  });
});

test('a GPU that is not there is an error that says what is missing', async () => {
  const [, , cuda] = deviceInfo();
  if (cuda.available) return expect(cuda.architecture).toMatch(/^sm_/);
  expect(cuda.reason).toMatch(/expected .*received/);
  await expect(loadModel(MODELS.tiny, { device: 'cuda' })).rejects.toMatchObject({ code: 'ROTOR_DEVICE' });
  expect(() => zeros([1], { device: 'cuda:7' })).toThrow(/expected .* received/);
});
