import { DTypeError } from '../native/errors';
import type { DType } from '../tensor/dtype';
import { broadcastShapes, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import { broadcastReader } from './reference';
import { floatEdges, intEdges, row, sample } from './case-data';
import type { Operable } from './scalars';
import { withTensors } from './scalars';
import type { OpCase, OpDef, Tolerance } from './schema';
import { touch } from './schema';

interface BinarySpec {
  /** Dtypes of the operands, which are equal. */
  readonly takes: readonly DType[];
  /** Dtype of the result; default the operands'. */
  readonly gives?: DType;
  readonly tolerance?: Tolerance;
  /** The definition for two numbers. An i32 result is taken modulo 2^32. */
  value(x: number, y: number, dtype: DType): number;
}

/** One float32 rounding. */
export const rounded: Tolerance = {
  rel: 2 ** -24,
  abs: 2 ** -150,
  why: 'one float32 rounding: half an ulp of the result, or half the smallest denormal',
};

// An elementwise op of two operands with broadcasting, from its definition for two numbers.
function binaryDef(name: string, { takes, gives, tolerance = { exact: true }, value }: BinarySpec): OpDef {
  return {
    name,
    infer([x, y]) {
      expectDType(name, 'input 0', x, ...takes);
      if (y.dtype !== x.dtype)
        throw new DTypeError(`expected equal dtypes, received ${x.dtype} and ${y.dtype}. Convert one with cast().`, {
          op: name,
        });
      return [{ shape: broadcastShapes(name, x.shape, y.shape), dtype: gives ?? x.dtype }];
    },
    reference([x, y], _attrs, [out]) {
      const ax = broadcastReader(x.shape, out.shape);
      const ay = broadcastReader(y.shape, out.shape);
      for (let i = 0; i < out.data.length; i++) out.data[i] = value(x.data[ax(i)], y.data[ay(i)], x.dtype);
    },
    cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
    tolerance,
    strided: true,
    cases: () => takes.flatMap(binaryCases),
  };
}

function binaryCases(dtype: DType): OpCase<Record<string, never>>[] {
  const edges =
    dtype === 'f32'
      ? floatEdges
      : dtype === 'i32'
        ? intEdges
        : dtype === 'i8'
          ? [-128, -1, 0, 1, 127]
          : dtype === 'u8'
            ? [0, 1, 2, 255]
            : [0, 1];
  return [
    { name: `${dtype}: row and column`, inputs: [sample(dtype, [2, 1]), sample(dtype, [3], 3)], attrs: {} },
    { name: `${dtype}: equal shapes`, inputs: [sample(dtype, [3, 701]), sample(dtype, [3, 701], 3)], attrs: {} },
    { name: `${dtype}: one value`, inputs: [sample(dtype, [1, 33], 9), row(dtype, [1])], attrs: {} },
    {
      name: `${dtype}: value first, no dimensions`,
      inputs: [{ dtype, shape: [], data: [1] }, sample(dtype, [5], 9)],
      attrs: {},
    },
    { name: `${dtype}: empty`, inputs: [sample(dtype, [0, 3]), sample(dtype, [3])], attrs: {} },
    {
      name: `${dtype}: every pair of edge values`,
      inputs: [{ dtype, shape: [edges.length, 1], data: edges }, row(dtype, edges)],
      attrs: {},
    },
  ];
}

const numbers = ['f32', 'i32'] as const;
const plain = ['f32', 'i32', 'i8', 'u8', 'bool'] as const;

// C99 and IEEE 754: 1 to any power is 1, and so is -1 to an infinite one. JavaScript gives NaN there.
const power = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y);

// The remainder with the sign of the divisor.
function floorMod(x: number, y: number, dtype: DType): number {
  if (dtype === 'i32' && y === 0) return 0;
  const r = x % y;
  if (r === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
  return r < 0 !== y < 0 ? r + y : r;
}

const arithmetic = { takes: numbers, tolerance: rounded };
const comparison = { takes: plain, gives: 'bool' } as const;
const logical = { takes: ['bool'] } as const;

export const addDef: OpDef = binaryDef('add', { ...arithmetic, value: (x, y) => x + y });
export const subDef: OpDef = binaryDef('sub', { ...arithmetic, value: (x, y) => x - y });
export const mulDef: OpDef = binaryDef('mul', {
  ...arithmetic,
  value: (x, y, dtype) => (dtype === 'i32' ? Math.imul(x, y) : x * y),
});
export const divDef: OpDef = binaryDef('div', { ...arithmetic, gives: 'f32', value: (x, y) => x / y });
export const powDef: OpDef = binaryDef('pow', {
  takes: ['f32'],
  tolerance: {
    rel: 2 ** -24 * (1 + 2 ** -18),
    abs: 2 ** -149,
    why: 'one float32 rounding of exp(y log x), itself within 2^-44',
  },
  value: power,
});
export const maximumDef: OpDef = binaryDef('maximum', { takes: numbers, value: (x, y) => Math.max(x, y) });
export const minimumDef: OpDef = binaryDef('minimum', { takes: numbers, value: (x, y) => Math.min(x, y) });
export const modDef: OpDef = binaryDef('mod', { ...arithmetic, value: floorMod });
export const eqDef: OpDef = binaryDef('eq', { ...comparison, value: (x, y) => Number(x === y) });
export const neDef: OpDef = binaryDef('ne', { ...comparison, value: (x, y) => Number(x !== y) });
export const ltDef: OpDef = binaryDef('lt', { ...comparison, value: (x, y) => Number(x < y) });
export const leDef: OpDef = binaryDef('le', { ...comparison, value: (x, y) => Number(x <= y) });
export const gtDef: OpDef = binaryDef('gt', { ...comparison, value: (x, y) => Number(x > y) });
export const geDef: OpDef = binaryDef('ge', { ...comparison, value: (x, y) => Number(x >= y) });
export const logicalAndDef: OpDef = binaryDef('logical_and', {
  ...logical,
  value: (x, y) => Number(x !== 0 && y !== 0),
});
export const logicalOrDef: OpDef = binaryDef('logical_or', { ...logical, value: (x, y) => Number(x !== 0 || y !== 0) });
export const logicalXorDef: OpDef = binaryDef('logical_xor', {
  ...logical,
  value: (x, y) => Number((x !== 0) !== (y !== 0)),
});

/** Every op of this file, for the registry. */
export const binaryDefs: readonly OpDef[] = [
  addDef,
  subDef,
  mulDef,
  divDef,
  powDef,
  maximumDef,
  minimumDef,
  modDef,
  eqDef,
  neDef,
  ltDef,
  leDef,
  gtDef,
  geDef,
  logicalAndDef,
  logicalOrDef,
  logicalXorDef,
];

function binary(def: OpDef, x: Operable, y: Operable): Tensor {
  return withTensors(def.name, [x, y], (operands) => callOne(def, operands, {}));
}

/** `x + y` with broadcasting. f32, or i32 (wraps around). One operand may be a number. */
export function add(x: Operable, y: Operable): Tensor {
  return binary(addDef, x, y);
}

/** `x - y` with broadcasting. f32, or i32 (wraps around). One operand may be a number. */
export function sub(x: Operable, y: Operable): Tensor {
  return binary(subDef, x, y);
}

/** `x * y` with broadcasting. f32, or i32 (wraps around). One operand may be a number. */
export function mul(x: Operable, y: Operable): Tensor {
  return binary(mulDef, x, y);
}

/** `x / y` with broadcasting. f32, or i32, whose quotient is f32. One operand may be a number. */
export function div(x: Operable, y: Operable): Tensor {
  return binary(divDef, x, y);
}

/** `x` to the power `y` with broadcasting, f32; special cases as C99 `pow`. One operand may be a number. */
export function pow(x: Operable, y: Operable): Tensor {
  return binary(powDef, x, y);
}

/** The larger of two, with broadcasting; NaN if either is. f32 or i32. */
export function maximum(x: Operable, y: Operable): Tensor {
  return binary(maximumDef, x, y);
}

/** The smaller of two, with broadcasting; NaN if either is. f32 or i32. */
export function minimum(x: Operable, y: Operable): Tensor {
  return binary(minimumDef, x, y);
}

/** Remainder of a floor division: it has the sign of `y`. f32, or i32 where `y = 0` gives 0. */
export function mod(x: Operable, y: Operable): Tensor {
  return binary(modDef, x, y);
}

/** `x == y` as bool, with broadcasting. NaN equals nothing. Any dtype but bf16. */
export function eq(x: Operable, y: Operable): Tensor {
  return binary(eqDef, x, y);
}

/** `x != y` as bool, with broadcasting. */
export function ne(x: Operable, y: Operable): Tensor {
  return binary(neDef, x, y);
}

/** `x < y` as bool, with broadcasting; false beside NaN. */
export function lt(x: Operable, y: Operable): Tensor {
  return binary(ltDef, x, y);
}

/** `x <= y` as bool, with broadcasting; false beside NaN. */
export function le(x: Operable, y: Operable): Tensor {
  return binary(leDef, x, y);
}

/** `x > y` as bool, with broadcasting; false beside NaN. */
export function gt(x: Operable, y: Operable): Tensor {
  return binary(gtDef, x, y);
}

/** `x >= y` as bool, with broadcasting; false beside NaN. */
export function ge(x: Operable, y: Operable): Tensor {
  return binary(geDef, x, y);
}

/** `x and y` of bool tensors, with broadcasting. */
export function logicalAnd(x: Operable, y: Operable): Tensor {
  return binary(logicalAndDef, x, y);
}

/** `x or y` of bool tensors, with broadcasting. */
export function logicalOr(x: Operable, y: Operable): Tensor {
  return binary(logicalOrDef, x, y);
}

/** `x` or `y` but not both, of bool tensors, with broadcasting. */
export function logicalXor(x: Operable, y: Operable): Tensor {
  return binary(logicalXorDef, x, y);
}
