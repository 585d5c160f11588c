import type { DType } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import { floatEdges, intEdges, row, sample } from './case-data';
import type { OpDef, Tolerance } from './schema';
import { touch } from './schema';

interface UnarySpec {
  readonly takes: readonly DType[];
  /** Dtype of the result; default the input's. */
  readonly gives?: DType;
  readonly tolerance?: Tolerance;
}

// An elementwise op of one operand, from its definition for one number.
function unaryDef(
  name: string,
  { takes, gives, tolerance = { exact: true } }: UnarySpec,
  value: (x: number) => number,
): OpDef {
  return {
    name,
    infer([x]) {
      expectDType(name, 'the input', x, ...takes);
      return [{ shape: x.shape, dtype: gives ?? x.dtype }];
    },
    reference([x], _attrs, [out]) {
      for (let i = 0; i < out.data.length; i++) out.data[i] = value(x.data[i]);
    },
    cost: (inputs, outputs) => ({ ops: sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
    tolerance,
    strided: true,
    cases: () =>
      takes.flatMap((dtype) => [
        { name: `${dtype}: usual values`, inputs: [sample(dtype, [3, 701])], attrs: {} },
        {
          name: `${dtype}: edge values`,
          inputs: [row(dtype, dtype === 'f32' ? floatEdges : dtype === 'i32' ? intEdges : [0, 1])],
          attrs: {},
        },
        { name: `${dtype}: one`, inputs: [sample(dtype, [])], attrs: {} },
        { name: `${dtype}: empty`, inputs: [sample(dtype, [2, 0])], attrs: {} },
      ]),
  };
}

/** Half of every two neighbours goes to the even one. */
function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return rest < 0.5 ? (low === 0 ? x * 0 : low) : low === -1 ? -0 : low + 1;
  return low % 2 === 0 ? (low === 0 ? 0 : low) : low === -1 ? -0 : low + 1;
}

const numbers = { takes: ['f32', 'i32'] } as const;
const whole = { takes: ['f32'] } as const;
const analytic: UnarySpec = {
  takes: ['f32'],
  tolerance: { rel: 2 ** -24 * (1 + 2 ** -20), abs: 2 ** -149, why: 'one float32 rounding of a double within 2^-48' },
};
const test = { takes: ['f32'], gives: 'bool' } as const;

export const negDef: OpDef = unaryDef('neg', numbers, (x) => -x);
export const absDef: OpDef = unaryDef('abs', numbers, Math.abs);
export const signDef: OpDef = unaryDef('sign', numbers, Math.sign);
export const reluDef: OpDef = unaryDef('relu', numbers, (x) => (x < 0 ? 0 : x));
export const expDef: OpDef = unaryDef('exp', analytic, Math.exp);
export const logDef: OpDef = unaryDef('log', analytic, Math.log);
export const sqrtDef: OpDef = unaryDef('sqrt', analytic, Math.sqrt);
export const rsqrtDef: OpDef = unaryDef('rsqrt', analytic, (x) => 1 / Math.sqrt(x));
export const sinDef: OpDef = unaryDef('sin', analytic, Math.sin);
export const cosDef: OpDef = unaryDef('cos', analytic, Math.cos);
export const tanhDef: OpDef = unaryDef('tanh', analytic, Math.tanh);
export const sigmoidDef: OpDef = unaryDef('sigmoid', analytic, (x) => 1 / (1 + Math.exp(-x)));
export const siluDef: OpDef = unaryDef('silu', analytic, (x) => x / (1 + Math.exp(-x)));
export const floorDef: OpDef = unaryDef('floor', whole, Math.floor);
export const ceilDef: OpDef = unaryDef('ceil', whole, Math.ceil);
export const roundDef: OpDef = unaryDef('round', whole, roundHalfEven);
export const isNanDef: OpDef = unaryDef('is_nan', test, (x) => Number(Number.isNaN(x)));
export const isFiniteDef: OpDef = unaryDef('is_finite', test, (x) => Number(Number.isFinite(x)));
export const logicalNotDef: OpDef = unaryDef('logical_not', { takes: ['bool'] }, (x) => Number(x === 0));

/** Every op of this file, for the registry. */
export const unaryDefs: readonly OpDef[] = [
  negDef,
  absDef,
  signDef,
  reluDef,
  expDef,
  logDef,
  sqrtDef,
  rsqrtDef,
  sinDef,
  cosDef,
  tanhDef,
  sigmoidDef,
  siluDef,
  floorDef,
  ceilDef,
  roundDef,
  isNanDef,
  isFiniteDef,
  logicalNotDef,
];

/** `-x`, f32 or i32 (the smallest i32 stays). */
export function neg(x: Tensor): Tensor {
  return callOne(negDef, [x], {});
}

/** Absolute value, f32 or i32 (the smallest i32 stays). */
export function abs(x: Tensor): Tensor {
  return callOne(absDef, [x], {});
}

/** -1, 0 or 1; zeros keep their sign, NaN stays. f32 or i32. */
export function sign(x: Tensor): Tensor {
  return callOne(signDef, [x], {});
}

/** 0 where `x < 0`, else `x`; NaN stays. f32 or i32. */
export function relu(x: Tensor): Tensor {
  return callOne(reluDef, [x], {});
}

/** `e^x`, f32. */
export function exp(x: Tensor): Tensor {
  return callOne(expDef, [x], {});
}

/** Natural logarithm, f32; NaN below 0. */
export function log(x: Tensor): Tensor {
  return callOne(logDef, [x], {});
}

/** Square root, f32; NaN below 0. */
export function sqrt(x: Tensor): Tensor {
  return callOne(sqrtDef, [x], {});
}

/** `1 / sqrt(x)`, f32, rounded once. */
export function rsqrt(x: Tensor): Tensor {
  return callOne(rsqrtDef, [x], {});
}

/** Sine of radians, f32; exact argument reduction for any size. */
export function sin(x: Tensor): Tensor {
  return callOne(sinDef, [x], {});
}

/** Cosine of radians, f32; exact argument reduction for any size. */
export function cos(x: Tensor): Tensor {
  return callOne(cosDef, [x], {});
}

/** Hyperbolic tangent, f32. */
export function tanh(x: Tensor): Tensor {
  return callOne(tanhDef, [x], {});
}

/** `1 / (1 + e^-x)`, f32. */
export function sigmoid(x: Tensor): Tensor {
  return callOne(sigmoidDef, [x], {});
}

/** `x / (1 + e^-x)`, f32. */
export function silu(x: Tensor): Tensor {
  return callOne(siluDef, [x], {});
}

/** Largest whole number not above `x`, f32. */
export function floor(x: Tensor): Tensor {
  return callOne(floorDef, [x], {});
}

/** Smallest whole number not below `x`, f32. */
export function ceil(x: Tensor): Tensor {
  return callOne(ceilDef, [x], {});
}

/** Nearest whole number, halves to the even one, f32. */
export function round(x: Tensor): Tensor {
  return callOne(roundDef, [x], {});
}

/** Whether each element is NaN; bool. */
export function isNan(x: Tensor): Tensor {
  return callOne(isNanDef, [x], {});
}

/** Whether each element is neither NaN nor infinite; bool. */
export function isFinite(x: Tensor): Tensor {
  return callOne(isFiniteDef, [x], {});
}

/** `not x` of a bool tensor. */
export function logicalNot(x: Tensor): Tensor {
  return callOne(logicalNotDef, [x], {});
}
