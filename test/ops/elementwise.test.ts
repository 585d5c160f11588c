import { add, div, maximum, minimum, mod, mul, pow, sub } from '../../src/ops/binary';
import { cast } from '../../src/ops/cast';
import { floatEdges, sampleValues } from '../../src/ops/case-data';
import { clamp, where } from '../../src/ops/select';
import * as unary from '../../src/ops/unary';
import { tensor } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

const f = (...values: number[]): Tensor => tensor(values);
const i = (...values: number[]): Tensor => tensor(values, { dtype: 'i32' });
const list = (x: Tensor): number[] => Array.from(x.toFloat64Array());

// Kernels are rounded from double, so they must meet the nearest float32 of the exact value almost always.
test.each([
  ['exp', unary.exp, Math.exp],
  ['log', unary.log, Math.log],
  ['sin', unary.sin, Math.sin],
  ['cos', unary.cos, Math.cos],
  ['tanh', unary.tanh, Math.tanh],
  ['sqrt', unary.sqrt, Math.sqrt],
  ['sigmoid', unary.sigmoid, (x: number) => 1 / (1 + Math.exp(-x))],
] as const)('%s is correctly rounded', (_name, op, exact) => {
  const values = Float32Array.from([
    ...sampleValues('f32', 20000, 90),
    ...sampleValues('f32', 20000, 1e-2),
    ...sampleValues('f32', 20000, 1e5),
    ...floatEdges,
  ]);
  const got = op(tensor(values)).data();
  let wrong = 0;
  for (let k = 0; k < values.length; k++) if (!Object.is(got[k], Math.fround(exact(values[k])))) wrong++;
  expect(wrong).toBeLessThanOrEqual(1);
});

test('sine and cosine of huge arguments', () => {
  const values = [1e10, 3.4028234663852886e38, -1e30, 2 ** 100, 355, 1.5707963705062866];
  expect(list(unary.sin(tensor(values)))).toEqual(values.map((v) => Math.fround(Math.sin(Math.fround(v)))));
  expect(list(unary.cos(tensor(values)))).toEqual(values.map((v) => Math.fround(Math.cos(Math.fround(v)))));
});

test('pow follows C99', () => {
  expect(list(pow(f(NaN, 1, -1, -2, -2, 0, -0, -8), f(0, NaN, Infinity, 3, 0.5, -1, -1, 2)))).toEqual([
    1,
    1,
    1,
    -8,
    NaN,
    Infinity,
    -Infinity,
    64,
  ]);
});

test('float edge cases', () => {
  expect(list(div(f(1, -1, 0), f(0, 0, 0)))).toEqual([Infinity, -Infinity, NaN]);
  expect(list(maximum(f(NaN, 1, -0), f(1, NaN, 0)))).toEqual([NaN, NaN, 0]);
  expect(list(minimum(f(NaN, 1, 0), f(1, NaN, -0)))).toEqual([NaN, NaN, -0]);
  expect(list(mod(f(-7, 7, -7, 5, -1, 1), f(3, -3, -3, 0, Infinity, Infinity)))).toEqual([2, -2, -1, NaN, Infinity, 1]);
  expect(list(unary.round(f(0.5, 1.5, 2.5, -0.5, -1.5, 8388607.5)))).toEqual([0, 2, 2, -0, -2, 8388608]);
  expect(list(unary.relu(f(NaN, -1, 2)))).toEqual([NaN, 0, 2]);
  expect(list(unary.sign(f(NaN, -3, 0, 2)))).toEqual([NaN, -1, 0, 1]);
  expect(list(clamp(f(NaN, -9, 9), -1, 1))).toEqual([NaN, -1, 1]);
  expect(unary.isNan(f(NaN, 1, Infinity)).toArray()).toEqual([true, false, false]);
  expect(unary.isFinite(f(NaN, 1, Infinity)).toArray()).toEqual([false, true, false]);
});

test('int32 arithmetic wraps around and divides to f32', () => {
  expect(list(add(i(2147483647), i(1)))).toEqual([-2147483648]);
  expect(list(mul(i(65537), i(65537)))).toEqual([131073]);
  expect(list(sub(i(-2147483648), i(1)))).toEqual([2147483647]);
  expect(list(unary.abs(i(-2147483648, -5)))).toEqual([-2147483648, 5]);
  expect(list(mod(i(-7, 7, 5, -2147483648), i(3, -3, 0, -1)))).toEqual([2, -2, 0, 0]);
  const quotient = div(i(7, 1), i(2, 0));
  expect(quotient.dtype).toBe('f32');
  expect(list(quotient)).toEqual([3.5, Infinity]);
});

test('casts: toward zero, clamped, NaN to 0; bool from anything but 0', () => {
  const x = f(NaN, Infinity, -Infinity, 2.9, -2.9, 300, -300, 3e9, -3e9);
  expect(list(cast(x, 'i32'))).toEqual([0, 2147483647, -2147483648, 2, -2, 300, -300, 2147483647, -2147483648]);
  expect(list(cast(x, 'i8'))).toEqual([0, 127, -128, 2, -2, 127, -128, 127, -128]);
  expect(list(cast(x, 'u8'))).toEqual([0, 255, 0, 2, 0, 255, 0, 255, 0]);
  expect(cast(f(NaN, 0, -0, 0.1), 'bool').toArray()).toEqual([true, false, false, true]);
  expect(list(cast(i(16777217, -1), 'f32'))).toEqual([16777216, -1]);
  expect(list(cast(f(1.00390625, 1.01171875, NaN), 'bf16'))).toEqual([1, 1.015625, NaN]);
  expect(cast(x, 'f32')).toBe(x);
});

test('views are read in place: transposed, expanded and sliced operands', () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const turned = x.view([3, 2], [1, 3], 0);
  const column = x.view([2, 2], [3, 0], 2);
  expect(add(turned, f(10, 20)).toArray()).toEqual([
    [11, 24],
    [12, 25],
    [13, 26],
  ]);
  expect(unary.neg(turned).toArray()).toEqual([
    [-1, -4],
    [-2, -5],
    [-3, -6],
  ]);
  expect(column.toArray()).toEqual([
    [3, 3],
    [6, 6],
  ]);
  expect(mul(column, 2).toArray()).toEqual([
    [6, 6],
    [12, 12],
  ]);
  expect(where(tensor([[true], [false]]), column, 0).toArray()).toEqual([
    [3, 3],
    [0, 0],
  ]);
  expect(cast(turned, 'i8').toArray()).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
});
