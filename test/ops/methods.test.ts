import '../../src/ops/methods';

import { capture } from '../../src/program/capture';
import { native } from '../../src/native/addon';
import { add, sub } from '../../src/ops/binary';
import { full, tensor } from '../../src/tensor/create';
import { scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';

test('methods chain, and take numbers of the tensor’s dtype', () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(x.mul(2).add(1).sum(1).toArray()).toEqual([15, 33]);
  expect(x.gt(3).where(x, 0).toArray()).toEqual([
    [0, 0, 0],
    [4, 5, 6],
  ]);
  const whole = tensor([7, -7], { dtype: 'i32' });
  expect(whole.mod(3).toArray()).toEqual([1, 2]);
  expect(whole.add(1).dtype).toBe('i32');
  expect(whole.div(2).toArray()).toEqual([3.5, -3.5]);
  expect(tensor([true, false]).eq(true).toArray()).toEqual([true, false]);
  expect(tensor([1, 200], { dtype: 'u8' }).ge(200).toArray()).toEqual([false, true]);
});

test('a number may stand on the left of a function', () => {
  expect(sub(1, tensor([3])).toArray()).toEqual([-2]);
  expect(() => add(1, 2)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
});

test('the same chain gives the same on both devices', () => {
  const f = (x: Tensor): Tensor =>
    x
      .sub(x.mean(1, { keepDims: true }))
      .div(x.std(1, { keepDims: true }).add(1e-5))
      .tanh()
      .abs()
      .max();
  const x = tensor([
    [1, 2, 4],
    [4, -5, 6.5],
  ]);
  expect(f(x).item()).toBeCloseTo(f(x.to('reference')).item(), 6);
  expect(x.to('cpu')).toBe(x);
  expect(x.to('reference').device).toBe('reference');
  expect(() => x.to('gpu' as 'cpu')).toThrow(expect.objectContaining({ code: 'ROTOR_DEVICE' }));
  expect(() => x.add(x.to('reference'))).toThrow(expect.objectContaining({ code: 'ROTOR_DEVICE' }));
});

test.each(['cpu', 'reference'] as const)(
  'numbers and statistics inside a program on %s, also inside a scope',
  (device) => {
    const x = tensor([1, 2, 3, 4], { device });
    const f = (): Tensor => scope(() => x.mul(3).sub(1).clamp(0, 9).pow(2).variance());
    const program = capture(f);
    program.stepSync();
    program.stepSync();
    expect(program.outputs.item()).toBe(f().item());
    program.dispose();
  },
);

test('misuse', () => {
  const x = tensor([1, 2, 3]);
  const i = tensor([1, 2, 3], { dtype: 'i32' });
  expect(() => i.mul(0.5)).toThrow(
    '[mul] expected a whole number from -2147483648 to 2147483647 beside a tensor of dtype i32, received 0.5.',
  );
  expect(() => i.add(2 ** 31)).toThrow(expect.objectContaining({ code: 'ROTOR_DTYPE' }));
  expect(() => x.add('1' as unknown as number)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => x.add([1, 2, 3] as unknown as number)).toThrow('received an array of 3');
  expect(() => x.add(undefined as unknown as number)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => x.add(tensor([1, 2]))).toThrow(expect.objectContaining({ code: 'ROTOR_SHAPE' }));
  expect(() => x.add(i)).toThrow(expect.objectContaining({ code: 'ROTOR_DTYPE' }));
  expect(() => x.cast('f64' as 'f32')).toThrow(expect.objectContaining({ code: 'ROTOR_DTYPE' }));
  expect(() => x.where(1, x)).toThrow('[where] expected the condition of dtype bool, received f32.');
  expect(() => x.gt(1).where(1, 2)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => x.clamp(2, 1)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => x.clamp(NaN, 1)).toThrow(expect.objectContaining({ code: 'ROTOR_OPTION' }));
  expect(() => i.clamp(0.5, 1)).toThrow(expect.objectContaining({ code: 'ROTOR_DTYPE' }));
  expect(() => i.exp()).toThrow('[exp] expected the input of dtype f32, received i32. Convert it with cast().');
  x.dispose();
  expect(() => x.exp()).toThrow(expect.objectContaining({ code: 'ROTOR_DISPOSED' }));
  expect(() => x.add(1)).toThrow(expect.objectContaining({ code: 'ROTOR_DISPOSED' }));
  expect(() => x.cast('f32')).toThrow(expect.objectContaining({ code: 'ROTOR_DISPOSED' }));
  expect(() => x.sum()).toThrow(expect.objectContaining({ code: 'ROTOR_DISPOSED' }));
});

test('numbers beside tensors, failed calls and statistics leave no memory behind', () => {
  const x = full([8], 2);
  const { liveBuffers, liveBytes } = native().stats();
  for (let i = 0; i < 100; i++) {
    x.add(i).dispose();
    expect(() => x.add(0.5).clamp(NaN, 0)).toThrow();
    scope(() => void x.std().add(x.norm()).sub(x.gt(1).sum().add(3).countNonzero().cast('f32')));
  }
  // The 100 results of x.add(0.5) have no owner; the collector frees them.
  const after = native().stats();
  expect(after.liveBuffers).toBeLessThanOrEqual(liveBuffers + 100);
  expect(after.liveBytes).toBeLessThanOrEqual(liveBytes + 3200);
  expect(() => x.add(x.cast('bool'))).toThrow();
});
