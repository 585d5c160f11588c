import { memoryStats } from '../../src/native/device-info';
import { DisposedError, OptionError } from '../../src/native/errors';
import { add } from '../../src/ops/binary';
import { matmul } from '../../src/ops/matmul';
import { topk } from '../../src/ops/order';
import { slice, transpose } from '../../src/ops/views';
import { ones, tensor } from '../../src/tensor/create';
import { keep, scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';
import { collectGarbage } from '../collect';

// Memory that a typed array looked at is given back on a later turn of the event loop.
async function settled(): Promise<{ liveBuffers: number; liveBytes: number; totalAllocs: number }> {
  await collectGarbage();
  return memoryStats();
}
const live = async (): Promise<number> => (await settled()).liveBuffers;

describe('dispose', () => {
  test('frees, twice is safe, use is an error', async () => {
    const before = await live();
    const x = tensor([1, 2]);
    expect(await live()).toBe(before + 1);
    x.dispose();
    x.dispose();
    expect(await live()).toBe(before);
    expect(x.disposed).toBe(true);
    for (const use of [
      () => x.data(),
      () => x.item(),
      () => x.toArray(),
      () => x.toFloat64Array(),
      () => add(x, x),
      () => slice(x, ':'),
      () => matmul(x, x),
    ]) {
      expect(use).toThrow(DisposedError);
    }
  });

  test('a typed array that someone still holds reads as empty afterwards', () => {
    const x = tensor([1, 2]);
    const data = x.data();
    x.dispose();
    expect(data.length).toBe(0);
  });

  test('views keep the memory alive, whichever goes first', async () => {
    const before = await live();
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const view = transpose(x);
    x.dispose();
    expect(view.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(() => x.data()).toThrow(DisposedError);
    view.dispose();
    expect(await live()).toBe(before);
  });
});

describe('scope', () => {
  test('disposes what was made inside, except what it returns', async () => {
    const before = await live();
    let lost: Tensor | undefined;
    const kept = scope(() => {
      lost = tensor([1]);
      return {
        list: [add(lost, lost)],
        map: new Map([['a', tensor([5])]]),
        set: new Set([tensor([6])]),
        text: 'x',
        none: null,
      };
    });
    expect(lost?.disposed).toBe(true);
    expect(kept.list[0].item()).toBe(2);
    expect(kept.map.get('a')?.item()).toBe(5);
    expect([...kept.set][0].item()).toBe(6);
    expect(await live()).toBe(before + 3);
    for (const x of [kept.list[0], ...kept.map.values(), ...kept.set]) x.dispose();
    expect(await live()).toBe(before);
  });

  test('a returned view keeps the memory of what it came from', () => {
    const view = scope(() => slice(tensor([1, 2, 3]), '1:'));
    expect(view.toArray()).toEqual([2, 3]);
    view.dispose();
  });

  test('nests: what an inner scope returns belongs to the outer one', () => {
    let inner: Tensor | undefined;
    scope(() => {
      inner = scope(() => tensor([1]));
      expect(inner.disposed).toBe(false);
    });
    expect(inner?.disposed).toBe(true);
  });

  test('keep() takes a tensor out of every scope', () => {
    const x = scope(() => {
      const y = scope(() => [keep(tensor([7]))][0]);
      return { wrapped: () => y }.wrapped;
    })();
    expect(x.item()).toBe(7);
    x.dispose();
  });

  test('an error frees everything and passes through', async () => {
    const before = await live();
    expect(() =>
      scope(() => {
        tensor([1]);
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
    expect(await live()).toBe(before);
  });

  test('a promise is refused, and nothing leaks', async () => {
    const before = await live();
    expect(() => scope(async () => tensor([1]))).toThrow(OptionError);
    expect(await live()).toBe(before);
  });

  test('tensors from outside are left alone', () => {
    const x = tensor([1]);
    scope(() => x);
    scope(() => add(x, x));
    expect(x.item()).toBe(1);
    x.dispose();
  });
});

describe('memory', () => {
  test('10,000 eager ops in a scope leave nothing', async () => {
    const before = await settled();
    scope(() => {
      for (let i = 0; i < 1000; i++) {
        scope(() => {
          const x = ones([4, 4]);
          let y = x;
          for (let j = 0; j < 6; j++) y = add(matmul(y, x), transpose(x));
          topk(y, 2);
          y.data();
        });
      }
    });
    const after = await settled();
    expect(after.liveBuffers).toBe(before.liveBuffers);
    expect(after.liveBytes).toBe(before.liveBytes);
    expect(after.totalAllocs - before.totalAllocs).toBeGreaterThan(10000);
  });

  test('an op that fails gives its outputs back', async () => {
    const ids = tensor([0, 9], { dtype: 'i32' });
    const before = await live();
    for (let i = 0; i < 100; i++) {
      expect(() => matmul(tensor([[1, 2]]), tensor([[1, 2]]))).toThrow();
      expect(() => add(ids, tensor([1]))).toThrow();
    }
    // The operands made here were never disposed; nothing else may have stayed.
    expect(await live()).toBeLessThanOrEqual(before + 300);
  });
});
