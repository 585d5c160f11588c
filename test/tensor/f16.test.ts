import { add } from '../../src/ops/binary';
import { cast, castDef } from '../../src/ops/cast';
import { attnValuesDef } from '../../src/ops/attention';
import { kvAppendDef } from '../../src/ops/kv';
import { slice } from '../../src/ops/slice';
import { runNative } from '../../src/ops/dispatch';
import { native } from '../../src/native/addon';
import { empty, eye, full, ones, tensor, zeros } from '../../src/tensor/create';
import { f16ToNumber, numberToF16 } from '../../src/tensor/dtype';
import type { Tensor } from '../../src/tensor/tensor';

const codes = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNaN16 = (code: number): boolean => (code & 0x7fff) > 0x7c00;
const variants = native().deviceInfo().variants;

// Every number halfway between two neighbours, and the float32 on either side of it.
function halfways(): { x: Float32Array; want: Uint16Array } {
  const x: number[] = [];
  const want: number[] = [];
  const next = new DataView(new ArrayBuffer(4));
  for (let code = 0; code < 0x7bff; code++) {
    const middle = (f16ToNumber(code) + f16ToNumber(code + 1)) / 2;
    next.setFloat32(0, middle);
    const bits = next.getUint32(0);
    const even = code % 2 === 0 ? code : code + 1;
    for (const [step, nearest] of [
      [-1, code],
      [0, even],
      [1, code + 1],
    ]) {
      next.setUint32(0, bits + step);
      for (const sign of [1, -1]) {
        x.push(sign * next.getFloat32(0));
        want.push(nearest | (sign < 0 ? 0x8000 : 0));
      }
    }
  }
  return { x: Float32Array.from(x), want: Uint16Array.from(want) };
}

describe('binary16', () => {
  test('every code is read as IEEE 754 has it, and written back', () => {
    expect([0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff, 0xc000, 0x7c00].map(f16ToNumber)).toEqual([
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      1,
      65504,
      -2,
      Infinity,
    ]);
    expect(Object.is(f16ToNumber(0x8000), -0)).toBe(true);
    for (const code of codes) {
      if (isNaN16(code)) expect(f16ToNumber(code)).toBeNaN();
      else if (numberToF16(f16ToNumber(code)) !== code) throw new Error(`code ${code} came back as another`);
    }
  });

  test('numbers round to nearest, ties to even; a double rounds once', () => {
    const { x, want } = halfways();
    expect(Uint16Array.from(x, numberToF16)).toEqual(want);
    expect(numberToF16(1 + 2 ** -11 + 2 ** -40)).toBe(0x3c01); // float32 in between would make it a tie
    expect([65519.999, 65520, 1e300, -Infinity].map(numberToF16)).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00]);
    expect(numberToF16(NaN)).toBe(0x7e00);
  });

  test.each(variants)('casts on %s are exact one way and nearest the other', (variant) => {
    const half = tensor(codes, { dtype: 'f16' });
    const wide = zeros([65536]);
    runNative(castDef, [half], { dtype: 'f32' }, [wide], { variant, spread: true });
    expect(wide.data()).toEqual(Float32Array.from(codes, f16ToNumber));
    const { x, want } = halfways();
    const back = empty([x.length], 'f16', 'cpu');
    runNative(castDef, [tensor(x)], { dtype: 'f16' }, [back], { variant, spread: true });
    expect(back.data()).toEqual(want);
  });

  test('a cache is written and read by the same rules, bit for bit on every variant', () => {
    const finite = codes.filter((code) => (code & 0x7c00) !== 0x7c00);
    const { x: middles, want } = halfways();
    const slot = zeros([1], { dtype: 'i32' });
    // Heads of 16 n + 5 elements: the last are converted one by one.
    const append = (variant: string, x: Float32Array): Tensor => {
      const cache = zeros([1, 1, 1, x.length], { dtype: 'f16' });
      const row = tensor(x, { shape: [1, 1, x.length] });
      runNative(kvAppendDef, [cache, row, slot, slot], {}, [], { variant, spread: true });
      return cache;
    };
    for (const variant of variants) {
      const numbers = append(variant, Float32Array.from(finite, f16ToNumber).subarray(0, finite.length - 11));
      expect(numbers.data()).toEqual(finite.slice(0, finite.length - 11));
      expect(append(variant, middles.subarray(5)).data()).toEqual(want.subarray(5));
      const special = append(
        variant,
        Float32Array.from({ length: 21 }, (_, i) => [NaN, Infinity, -Infinity][i % 3]),
      );
      expect(special.data()).toEqual(Uint16Array.from({ length: 21 }, (_, i) => [0x7e00, 0x7c00, 0xfc00][i % 3]));
      // One position with weight 1.
      const z = zeros([1, 1, numbers.size]);
      runNative(attnValuesDef, [ones([1, 1, 1]), numbers, slot, slot], {}, [z], { variant, spread: true });
      expect(z.data()).toEqual(Float32Array.from(numbers.data(), f16ToNumber).map((v) => v + 0));
    }
  });
});

describe.each(['cpu', 'reference'] as const)('f16 tensors on %s', (device) => {
  test('are made, read, printed and cast', () => {
    const x = tensor([0.1, -1.5, 70000], { dtype: 'f16', device });
    expect(x).toMatchObject({ dtype: 'f16', bytes: 6 });
    expect(x.toArray()).toEqual([0.0999755859375, -1.5, Infinity]);
    expect(Array.from(x.data())).toEqual([0x2e66, 0xbe00, 0x7c00]);
    expect(x.toString()).toMatch(/0\.1, -1\.5,  inf\], shape=\[3\], f16/);
    expect(cast(x, 'i32').toArray()).toEqual([0, -1, 2147483647]);
    expect(cast(cast(x, 'f32'), 'f16').toArray()).toEqual(x.toArray());
    expect(full([2], 3, { dtype: 'f16', device }).toArray()).toEqual([3, 3]);
    expect(eye(1, 2, { dtype: 'f16', device }).toArray()).toEqual([[1, 0]]);
    expect(slice(x, '1:2').item()).toBe(-1.5);
  });

  test('refuse arithmetic by name', () => {
    const x = ones([2], { dtype: 'f16', device });
    expect(() => add(x, x)).toThrow(/received f16/);
  });
});
