import { DeviceError, DTypeError, OptionError, ShapeError } from '../../src/native/errors';
import { arange, eye, fromTypedArray, full, linspace, ones, tensor, zeros } from '../../src/tensor/create';
import { bf16ToNumber, dtypes, numberToBf16 } from '../../src/tensor/dtype';
import type { TypedArray } from '../../src/tensor/dtype';
import { moveTo } from '../../src/tensor/move';

describe.each(['cpu', 'reference'] as const)('creation on %s', (device) => {
  test('nested arrays keep their shape and values', () => {
    const x = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { device },
    );
    expect(x).toMatchObject({ shape: [2, 3], dtype: 'f32', device, size: 6, ndim: 2, strides: [3, 1], bytes: 24 });
    expect(x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  test.each([
    ['a number', 3, [], 'f32', 3],
    ['a boolean', true, [], 'bool', true],
    ['booleans', [true, false], [2], 'bool', [true, false]],
    ['booleans and numbers', [true, 2], [2], 'f32', [1, 2]],
    ['nothing', [], [0], 'f32', []],
    ['rows of nothing', [[], []], [2, 0], 'f32', [[], []]],
    [
      'rows that are typed arrays',
      [Int8Array.of(1, 2), Int8Array.of(3, 4)],
      [2, 2],
      'f32',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['an Int32Array', Int32Array.of(1, -2), [2], 'i32', [1, -2]],
    ['an Int8Array', Int8Array.of(-128), [1], 'i8', [-128]],
    ['a Uint8ClampedArray', Uint8ClampedArray.of(255) as unknown as Uint8Array, [1], 'u8', [255]],
    ['a Float64Array', Float64Array.of(0.5), [1], 'f32', [0.5]],
  ] as const)('%s', (_name, data, shape, dtype, values) => {
    const x = tensor(data, { device });
    expect(x).toMatchObject({ shape, dtype });
    expect(x.toArray()).toEqual(values);
  });

  test('flat data takes a shape', () => {
    expect(tensor([1, 2, 3, 4], { shape: [2, 2], device }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(fromTypedArray(Int32Array.of(1, 2), { shape: [2, 1], device }).toArray()).toEqual([[1], [2]]);
    expect(() => tensor([1, 2, 3], { shape: [2, 2], device })).toThrow(ShapeError);
    expect(() => tensor([1], { shape: [-1], device })).toThrow(ShapeError);
  });

  test('constants and ranges', () => {
    expect(zeros([2, 2], { device }).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(ones([2], { dtype: 'bf16', device }).toArray()).toEqual([1, 1]);
    expect(full([2], -7, { dtype: 'i8', device }).toArray()).toEqual([-7, -7]);
    expect(full([1], true, { device }).dtype).toBe('bool');
    expect(arange(4, undefined, 1, { device })).toMatchObject({ dtype: 'i32', shape: [4] });
    expect(arange(5, 0, -2, { device }).toArray()).toEqual([5, 3, 1]);
    expect(arange(0, 1, 0.25, { device }).toArray()).toEqual([0, 0.25, 0.5, 0.75]);
    expect(arange(3, 3, 1, { device }).toArray()).toEqual([]);
    expect(linspace(0, 1, 5, { device }).toArray()).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(2, 9, 1, { device }).toArray()).toEqual([2]);
    expect(eye(2, 3, { device }).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(eye(2, 2, { dtype: 'bf16', device }).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test.each(dtypes)('%s comes back as it went in', (dtype) => {
    const values = dtype === 'bool' ? [0, 1, 1] : dtype === 'u8' ? [0, 7, 255] : [-128, 0, 96];
    expect([...tensor(values, { dtype, device }).toFloat64Array()]).toEqual(values);
  });

  test.each([
    ['i8', 128],
    ['i8', -129],
    ['u8', -1],
    ['u8', 256],
    ['i32', 2 ** 31],
    ['i32', 0.5],
    ['i32', NaN],
    ['u8', Infinity],
  ] as const)('%s refuses %d instead of wrapping it', (dtype, value) => {
    expect(() => tensor([0, value], { dtype, device })).toThrow(DTypeError);
    expect(() => full([2], value, { dtype, device })).toThrow(/received .* at element 0/);
  });
});

test('misuse is an error of the documented class', () => {
  expect(() => tensor([[1, 2], [3]])).toThrow(ShapeError);
  expect(() => tensor([[1], 2])).toThrow(ShapeError);
  expect(() => tensor([1, 'a'] as never)).toThrow(DTypeError);
  expect(() => tensor([1, null] as never)).toThrow(DTypeError);
  expect(() => tensor(undefined as never)).toThrow(DTypeError);
  expect(() => tensor([[[[[[[1]]]]]]])).toThrow(ShapeError);
  expect(() => tensor([1], { dtype: 'f64' as never })).toThrow(DTypeError);
  expect(() => tensor([1], { device: 'gpu' as never })).toThrow(DeviceError);
  expect(() => tensor([1], { dtpye: 'f32' } as never)).toThrow(/Did you mean "dtype"/);
  expect(() => zeros([2.5])).toThrow(ShapeError);
  expect(() => zeros([-1])).toThrow(ShapeError);
  expect(() => zeros([1, 1, 1, 1, 1, 1, 1])).toThrow(ShapeError);
  expect(() => zeros(3 as never)).toThrow(ShapeError);
  expect(() => arange(0, 5, 0)).toThrow(OptionError);
  expect(() => arange(0, Infinity)).toThrow(OptionError);
  expect(() => arange(0, 1e12)).toThrow(ShapeError);
  expect(() => linspace(0, 1, 1.5)).toThrow(ShapeError);
  expect(() => fromTypedArray(Uint16Array.of(1))).toThrow(DTypeError);
  expect(() => fromTypedArray(BigInt64Array.of(1n) as never, { dtype: 'i32' })).toThrow(DTypeError);
  expect(() => fromTypedArray(new DataView(new ArrayBuffer(4)) as never, { dtype: 'f32' })).toThrow(DTypeError);
  expect(() => fromTypedArray([1, 2] as never)).toThrow(DTypeError);
});

test('memory that does not exist is an error, not a crash', () => {
  expect(() => zeros([2 ** 30, 2 ** 20])).toThrow(/out of memory|expected/);
});

describe('bf16', () => {
  test('every code comes back as it is, NaN as NaN', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const v = bf16ToNumber(bits);
      const back = numberToBf16(v);
      if (Number.isNaN(v)) expect(Number.isNaN(bf16ToNumber(back))).toBe(true);
      else if (back !== bits) throw new Error(`${bits} came back as ${back}`);
    }
  });

  test('rounds to nearest even, to infinity above the largest', () => {
    const round = (v: number): number => bf16ToNumber(numberToBf16(v));
    expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 3.4e38, -3.4e38, -0].map(round)).toEqual([
      1,
      1 + 2 ** -6,
      1 + 2 ** -7,
      Infinity,
      -Infinity,
      -0,
    ]);
  });

  test('a Uint16Array is read as codes, other arrays as values', () => {
    expect(fromTypedArray(Uint16Array.of(0x3f80, 0xc000), { dtype: 'bf16' }).toArray()).toEqual([1, -2]);
    expect(fromTypedArray(Float32Array.of(1, -2), { dtype: 'bf16' }).data()).toEqual(Uint16Array.of(0x3f80, 0xc000));
  });
});

describe('conversion', () => {
  test('data() is the memory itself, of the documented kind', () => {
    const kinds: Record<string, string> = {
      f32: 'Float32Array',
      bf16: 'Uint16Array',
      f16: 'Uint16Array',
      i32: 'Int32Array',
      i8: 'Int8Array',
      u8: 'Uint8Array',
      bool: 'Uint8Array',
    };
    for (const dtype of dtypes) {
      const x = zeros([2], { dtype });
      expect(Object.prototype.toString.call(x.data()).slice(8, -1)).toBe(kinds[dtype]);
      expect(x.data().buffer).toBe(x.data().buffer);
    }
    expect(Object.prototype.toString.call(zeros([1], { device: 'reference' }).data())).toBe('[object Float64Array]');
  });

  test('the caller’s array is copied in, and toFloat64Array is a copy out', () => {
    const source = Float32Array.of(1, 2);
    const x = tensor(source);
    source[0] = 9;
    const out = x.toFloat64Array();
    out[1] = 9;
    expect(x.toArray()).toEqual([1, 2]);
  });

  test('float32 rounds, float64 on the reference device does not', () => {
    expect(tensor(0.1).item()).toBe(Math.fround(0.1));
    expect(tensor(0.1, { device: 'reference' }).item()).toBe(0.1);
    expect(moveTo(tensor(0.1, { device: 'reference' }), 'cpu').item()).toBe(Math.fround(0.1));
  });

  test('item() wants exactly one element', () => {
    expect(tensor([[5]]).item()).toBe(5);
    expect(() => tensor([1, 2]).item()).toThrow(ShapeError);
    expect(() => tensor([]).item()).toThrow(ShapeError);
  });

  test.each(dtypes)('%s moves between devices and back', (dtype) => {
    const x = tensor(
      [
        [0, 1],
        [1, 0],
      ],
      { dtype },
    );
    const there = moveTo(x, 'reference');
    expect(there).toMatchObject({ device: 'reference', dtype, shape: [2, 2] });
    expect(moveTo(there, 'cpu').data()).toEqual(x.data());
    expect(moveTo(x, 'cpu')).toBe(x);
    expect(() => moveTo(x, 'gpu' as never)).toThrow(DeviceError);
  });
});

test('values beyond what a kind holds stay exact', () => {
  const kinds: TypedArray[] = [Int32Array.of(-(2 ** 31), 2 ** 31 - 1), Int8Array.of(-128, 127), Uint8Array.of(0, 255)];
  for (const data of kinds) expect(tensor(data).data()).toEqual(data);
});
