import { join } from 'node:path';

import { setThreads } from '../../src/native/device-info';
import { DTypeError, LoadError, OptionError, ShapeError } from '../../src/native/errors';
import { native } from '../../src/native/addon';
import { noise } from '../../src/ops/case-data';
import { quantizeAct } from '../../src/ops/quantize';
import { rescale, ternaryMatmul, ternaryMatmulI32 } from '../../src/ops/ternary';
import { codes, trits } from '../../src/ops/ternary-cases';
import {
  deadRows,
  planesFromFloat,
  planesFromHf,
  ternaryCounts,
  ternaryFromArray,
  ternaryFromFloat,
  ternaryFromHf,
  ternaryFromParts,
  ternaryPlanes,
  ternaryTo,
  ternaryValues,
} from '../../src/ops/ternary-weights';
import { tensor } from '../../src/tensor/create';
import { scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';
import { openCheckpoint } from '../../src/load/checkpoint';
import { readTensorBytes } from '../../src/load/read-tensor';

const devices = ['cpu', 'reference'] as const;

function rowsOf(flat: readonly number[], cols: number): number[][] {
  return Array.from({ length: flat.length / cols }, (_, r) => flat.slice(r * cols, (r + 1) * cols));
}

const documented = [168, 25, 17, 146];
const documentedValues = [
  [-1, 0],
  [0, 1],
  [1, 1],
  [-1, -1],
  [1, 0],
  [0, 0],
  [1, -1],
  [-1, 1],
];

describe.each(devices)('on %s', (device) => {
  test('the documented Hugging Face bytes', () => {
    const w = ternaryFromHf(tensor(documented, { shape: [2, 2], dtype: 'u8', device }), 0.25);
    expect([w.rows, w.cols, w.device]).toEqual([8, 2, device]);
    expect(ternaryValues(w).toArray()).toEqual(documentedValues);
    expect(ternaryValues(w, 2, 4).toArray()).toEqual(documentedValues.slice(2, 4));
    expect(w.rowScale.toArray()).toEqual(new Array(8).fill(0.25));
    expect(w.packed.storage.layout).toEqual({ kind: 'ternary', rows: 8, cols: 2 });
    expect(ternaryCounts(w).toArray()).toEqual(
      documentedValues.map((row) => [-1, 0, 1].map((v) => row.filter((x) => x === v).length)),
    );
    expect(deadRows(w)).toEqual([5]);
  });

  test('planes: zero and plus, lowest bit first, padding is zero', () => {
    const w = ternaryFromArray(
      [
        [0, 1, -1, 0, 0, 0, 0, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 1, -1],
      ],
      1,
      device,
    );
    const { zero, plus } = ternaryPlanes(w);
    expect(zero.toArray()).toEqual([
      [0b01111001, 0b11111110],
      [0, 0b11111110],
    ]);
    expect(plus.toArray()).toEqual([
      [0b10000010, 1],
      [255, 0],
    ]);
    expect(ternaryPlanes(w, 1, 2).zero.toArray()).toEqual([[0, 0b11111110]]);
  });

  test('float masters: the documented example', () => {
    const w = ternaryFromFloat(
      tensor(
        [
          [0.3, -0.1, 0.04, -0.5],
          [0.2, 0, -0.02, 0.16],
        ],
        { device },
      ),
    );
    expect(ternaryValues(w).toArray()).toEqual([
      [1, -1, 0, -1],
      [1, 0, 0, 1],
    ]);
    expect(w.rowScale.toFloat64Array()[0]).toBeCloseTo(0.165, 6);
  });

  test('merged parts equal the parts, each with its scale', () => {
    const cols = 45;
    const sizes = [5, 33, 40];
    const values = sizes.map((n, i) => trits(n * cols, i + 1));
    const single = values.map((v, i) => ternaryFromArray(rowsOf(v, cols), i + 0.5, device));
    const merged = ternaryFromParts(
      single.map((w, i) => {
        const { zero, plus } = ternaryPlanes(w);
        return {
          planes: tensor([zero.toArray(), plus.toArray()] as number[][][], { dtype: 'u8', device }),
          scale: i + 0.5,
        };
      }),
      cols,
    );
    const q8 = tensor(codes(3 * cols, 2), { shape: [3, cols], dtype: 'i8', device });
    const scale = tensor([[20], [30], [40.5]], { device });
    const parts = ternaryMatmul(q8, scale, merged, sizes);
    parts.forEach((y, i) => expect(y.toArray()).toEqual(ternaryMatmul(q8, scale, single[i])[0].toArray()));
  });

  test('two steps give the bits of one', () => {
    const w = ternaryFromArray(rowsOf(trits(40 * 70, 3), 70), 0.02, device);
    const [q8, scale] = quantizeAct(tensor(noise(4 * 70, 5), { shape: [4, 70], device }));
    const once = ternaryMatmul(q8, scale, w)[0].toArray();
    expect(rescale(ternaryMatmulI32(q8, w), scale, w.rowScale).toArray()).toEqual(once);
  });

  test('a row of activations gives the same bits alone and among others', () => {
    const w = ternaryFromArray(rowsOf(trits(40 * 70, 3), 70), 0.02, device);
    const x = noise(9 * 70, 6);
    const product = (rows: number[], n: number): unknown => {
      const [q8, scale] = quantizeAct(tensor(rows, { shape: [n, 70], device }));
      return ternaryMatmul(q8, scale, w)[0].toArray();
    };
    const all = product(x, 9) as number[][];
    for (let t = 0; t < 9; t++) expect(product(x.slice(t * 70, (t + 1) * 70), 1)).toEqual([all[t]]);
    expect(product(x.slice(0, 140), 2)).toEqual(all.slice(0, 2));
  });

  test('NaN in a row of activations makes the whole row NaN, and no other', () => {
    const w = ternaryFromArray(
      [
        [0, 0, 0],
        [1, -1, 0],
      ],
      1,
      device,
    );
    const [q8, scale] = quantizeAct(
      tensor(
        [
          [1, NaN, 2],
          [1, 2, 3],
        ],
        { device },
      ),
    );
    expect(q8.toArray()).toEqual([
      [0, 0, 0],
      [42, 85, 127],
    ]);
    const [[a, b], [c, d]] = ternaryMatmul(q8, scale, w)[0].toArray() as number[][];
    expect([a, b, c]).toEqual([NaN, NaN, 0]);
    expect(d).toBeCloseTo(-1.0157, 3);
  });

  test('a scope keeps what it returns, and dispose frees it', () => {
    const w = scope(() => ternaryFromHf(tensor(documented, { shape: [2, 2], dtype: 'u8', device })));
    expect(ternaryValues(w).toArray()).toEqual(documentedValues);
    w.dispose();
    w.dispose();
    expect([w.disposed, w.rowScale.disposed]).toEqual([true, true]);
  });
});

describe('misuse', () => {
  const w = (): ReturnType<typeof ternaryFromArray> =>
    ternaryFromArray([
      [1, 0, -1],
      [0, 0, 1],
    ]);
  const q8 = (cols: number): Tensor => tensor(new Array<number>(cols).fill(1), { shape: [1, cols], dtype: 'i8' });
  const scale = (): Tensor => tensor([[1]]);

  test.each(devices)('code 3 is refused on %s', (device) => {
    const bad = tensor([3, 0, 12, 192], { shape: [1, 4], dtype: 'u8', device });
    expect(() => ternaryFromHf(bad)).toThrow(LoadError);
    expect(() => planesFromHf(bad)).toThrow(/3 times code 3/);
  });
  test.each(devices)('masters that are not finite are refused on %s', (device) => {
    expect(() => planesFromFloat(tensor([[1, NaN]], { device }))).toThrow(LoadError);
    expect(() => planesFromFloat(tensor([[1, -Infinity]], { device }))).toThrow(/finite/);
  });
  test('other values than -1, 0 and 1', () => {
    expect(() => ternaryFromArray([[0, 2]])).toThrow(OptionError);
    expect(() => ternaryFromArray([[0, 0.5]])).toThrow(/at \[0, 1\]/);
    expect(() => ternaryFromArray([[0, 1], [1]])).toThrow(ShapeError);
  });
  test('activations of another width', () => {
    expect(() => ternaryMatmul(q8(4), scale(), w())).toThrow(ShapeError);
    expect(() => ternaryMatmulI32(q8(2), w())).toThrow(/\[\*, 3\]/);
  });
  test('activations of another dtype', () =>
    expect(() => ternaryMatmulI32(tensor([[1, 2, 3]]), w())).toThrow(DTypeError));
  test('parts that are not the rows', () => {
    expect(() => ternaryMatmul(q8(3), scale(), w(), [1])).toThrow(OptionError);
    expect(() => ternaryMatmul(q8(3), scale(), w(), [1, 1, 0, 0, 0])).toThrow(OptionError);
  });
  test('packed bytes of another size never reach a kernel', () => {
    const x = w();
    expect(() =>
      ternaryMatmulI32(q8(300), Object.assign(Object.create(x) as typeof x, { cols: 300, packed: x.packed })),
    ).toThrow(ShapeError);
  });
  test('rows out of range', () => expect(() => ternaryValues(w(), 1, 3)).toThrow(ShapeError));
  test('more columns than int32 sums allow', () => {
    const wide = tensor(new Uint8Array(65537), { shape: [1, 65537] });
    expect(() => ternaryFromHf(wide)).toThrow(ShapeError);
  });
  test('packed weights do not move as plain bytes', () => {
    const x = w();
    expect(ternaryValues(ternaryTo(x, 'reference')).toArray()).toEqual([
      [1, 0, -1],
      [0, 0, 1],
    ]);
    expect(ternaryTo(x, 'cpu')).toBe(x);
  });
  test('use after dispose', () => {
    const x = w();
    x.dispose();
    expect(() => ternaryMatmulI32(q8(3), x)).toThrow(/disposed/);
  });
});

test('bf16 masters of a checkpoint ternarise alike on both devices, on any number of threads', async () => {
  const { tensors } = await openCheckpoint(join(__dirname, '../golden/masters'));
  const entry = tensors.get('model.layers.0.self_attn.q_proj.weight');
  if (entry === undefined) throw new Error('the golden has no such tensor');
  const bits = new Uint16Array((await readTensorBytes(entry)).buffer);
  const on = (device: (typeof devices)[number]): unknown[] => {
    const w = ternaryFromFloat(tensor(bits, { shape: entry.shape, dtype: 'bf16', device }));
    return [Array.from(ternaryValues(w).data()), Math.fround(w.rowScale.toFloat64Array()[0])];
  };
  const threads = native().getThreads();
  setThreads(1);
  const one = on('cpu');
  setThreads(3);
  expect(on('cpu')).toEqual(one);
  setThreads(threads);
  expect(on('reference')).toEqual(one);
});
