import { OptionError, ShapeError } from '../../src/native/errors';
import { div, mul } from '../../src/ops/binary';
import { noise } from '../../src/ops/case-data';
import { relu2Glu, siluGlu } from '../../src/ops/glu';
import { rmsNorm, rmsScale } from '../../src/ops/norm';
import { rope, ropeTables } from '../../src/ops/rope';
import { tensor, zeros } from '../../src/tensor/create';
import { moveTo } from '../../src/tensor/move';
import { floats, ints } from './made';

describe('rms_norm', () => {
  test.each([1, 5, 16, 33, 2560])('equals scale, division and product bit for bit, width %i', (width) => {
    const x = floats([7, width], width);
    const weight = floats([width], 2);
    const steps = mul(div(x, rmsScale(x, 1e-5)), weight);
    expect(Array.from(rmsNorm(x, weight, 1e-5).data())).toEqual(Array.from(steps.data()));
  });

  test('the root is rounded once, even where squares overflow float32', () => {
    const x = tensor(new Float32Array([1e30, 1e30, 1e30, 1e30]), { shape: [1, 4] });
    expect(rmsScale(x, 1e-5).item()).toBe(Math.fround(1e30));
    expect(rmsNorm(zeros([1, 4]), floats([4], 1), 1e-5).toArray()).toEqual([
      [0, 0, 0, 0].map((_, i) => 0 * noise(4, 1)[i]),
    ]);
  });

  test('a row does not depend on the other rows', () => {
    const x = floats([9, 100], 3);
    const weight = floats([100], 4);
    const all = rmsNorm(x, weight, 1e-6).data();
    for (let t = 0; t < 9; t++) {
      const one = rmsNorm(tensor(x.data().slice(t * 100, t * 100 + 100), { shape: [1, 100] }), weight, 1e-6);
      expect(Array.from(one.data())).toEqual(Array.from(all.slice(t * 100, t * 100 + 100)));
    }
  });

  test('misuse', () => {
    expect(() => rmsNorm(zeros([2, 3]), zeros([4]), 1e-5)).toThrow(/weight of shape \[3\]/);
    expect(() => rmsNorm(zeros([3]), zeros([3]), 1e-5)).toThrow(ShapeError);
    expect(() => rmsScale(zeros([2, 0]), 1e-5)).toThrow(ShapeError);
    expect(() => rmsScale(zeros([2, 3]), -1)).toThrow(OptionError);
    expect(() => rmsScale(zeros([2, 3]), NaN)).toThrow(OptionError);
    expect(() => rmsScale(zeros([2, 3], { dtype: 'i32' }), 1)).toThrow(/dtype f32/);
  });
});

describe('rope', () => {
  const { cos, sin } = ropeTables(10, 8, 10000);

  test('tables hold cosines and sines of p * theta^(-2i/E)', () => {
    const exact = ropeTables(10, 8, 10000, 'reference');
    for (const [table, f] of [
      [exact.cos, Math.cos],
      [exact.sin, Math.sin],
    ] as const) {
      expect(table.shape).toEqual([10, 4]);
      for (let p = 0; p < 10; p++)
        for (let i = 0; i < 4; i++) expect(table.data()[p * 4 + i]).toBe(f(p * 10000 ** ((-2 * i) / 8)));
    }
    expect(Array.from(cos.data())).toEqual(Array.from(exact.cos.data(), Math.fround));
  });

  test('position 0 changes nothing, and turning keeps the length of every pair', () => {
    const x = floats([1, 2, 8], 1);
    expect(Array.from(rope(x, ints(0), cos, sin).data())).toEqual(Array.from(x.data()));
    const [a, b] = [x.data(), rope(x, ints(7), cos, sin).data()];
    for (const at of [0, 8])
      for (let i = at; i < at + 4; i++) expect(Math.hypot(b[i], b[i + 4])).toBeCloseTo(Math.hypot(a[i], a[i + 4]), 6);
  });

  test('a dot product depends on the distance of positions only', () => {
    const q = floats([1, 1, 8], 2);
    const k = floats([1, 1, 8], 3);
    const dot = (p: number, r: number): number => {
      const [x, y] = [rope(q, ints(p), cos, sin).data(), rope(k, ints(r), cos, sin).data()];
      return Array.from(x).reduce((sum, v, i) => sum + v * y[i], 0);
    };
    expect(dot(5, 3)).toBeCloseTo(dot(9, 7), 5);
    expect(dot(5, 3)).not.toBeCloseTo(dot(5, 4), 3);
  });

  test('idle rows give zeros; positions outside the tables are errors', () => {
    expect(Array.from(rope(floats([1, 1, 8], 1), ints(-1), cos, sin).data())).toEqual(new Array(8).fill(0));
    for (const pos of [10, -2]) {
      expect(() => rope(floats([1, 1, 8], 1), ints(pos), cos, sin)).toThrow(/\[rope\] expected an index from 0 to 9/);
      expect(() =>
        rope(
          zeros([1, 1, 8], { device: 'reference' }),
          moveTo(ints(pos), 'reference'),
          moveTo(cos, 'reference'),
          moveTo(sin, 'reference'),
        ),
      ).toThrow(/expected an index from 0 to 9/);
    }
    expect(() => rope(zeros([1, 1, 7]), ints(0), cos, sin)).toThrow(/even head size/);
    expect(() => rope(zeros([1, 1, 6]), ints(0), cos, sin)).toThrow(/a table of shape \[10, 3\]/);
    expect(() => ropeTables(4, 7, 10000)).toThrow(OptionError);
    expect(() => ropeTables(4, 8, 0)).toThrow(OptionError);
  });
});

describe('gated units', () => {
  test('relu2 squares what is above zero; NaN passes', () => {
    const gate = tensor(new Float32Array([-3, 0, 2, NaN, -Infinity, 3]));
    const up = tensor(new Float32Array([5, 5, 5, 5, 5, NaN]));
    expect(Array.from(relu2Glu(gate, up).data())).toEqual([0, 0, 20, NaN, 0, NaN]);
  });

  test('silu of far values', () => {
    const gate = tensor(new Float32Array([0, 200, -200, NaN, Infinity]));
    const up = tensor(new Float32Array([1, 2, 1, 1, 1]));
    expect(Array.from(siluGlu(gate, up).data(), (x) => x + 0)).toEqual([0, 400, 0, NaN, Infinity]);
  });

  test('misuse', () => {
    expect(() => relu2Glu(zeros([2, 3]), zeros([3, 2]))).toThrow(/equal shapes/);
    expect(() => siluGlu(zeros([2], { dtype: 'i32' }), zeros([2]))).toThrow(/gate of dtype f32/);
    const gone = zeros([2]);
    gone.dispose();
    expect(() => siluGlu(gone, zeros([2]))).toThrow(/disposed/);
  });
});
