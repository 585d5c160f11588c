import type { DeviceName, DType } from '../../tensor/dtype';
import { moveTo } from '../../tensor/move';
import * as binary from '../binary';
import { cast } from '../cast';
import type { Operable } from '../scalars';
import { clamp, where } from '../select';
import * as unary from '../unary';
import { attachMethods } from './attach';

declare module '../../tensor/tensor' {
  interface Tensor {
    /** As another dtype; the tensor itself if it has it. To whole numbers: toward zero, clamped to the range, NaN becomes 0. */
    cast(dtype: DType): Tensor;
    /** A copy on another device; the tensor itself if it is there. `f32` is float64 on `reference`. */
    to(device: DeviceName): Tensor;
    /** `this + y` with broadcasting. f32, or i32 (wraps around). */
    add(y: Operable): Tensor;
    /** `this - y` with broadcasting. f32, or i32 (wraps around). */
    sub(y: Operable): Tensor;
    /** `this * y` with broadcasting. f32, or i32 (wraps around). */
    mul(y: Operable): Tensor;
    /** `this / y` with broadcasting; f32, also for two i32. */
    div(y: Operable): Tensor;
    /** `this` to the power `y`, f32. */
    pow(y: Operable): Tensor;
    /** The larger of two; NaN if either is. */
    maximum(y: Operable): Tensor;
    /** The smaller of two; NaN if either is. */
    minimum(y: Operable): Tensor;
    /** Remainder of a floor division, with the sign of `y`. */
    mod(y: Operable): Tensor;
    /** `this == y` as bool. */
    eq(y: Operable): Tensor;
    /** `this != y` as bool. */
    ne(y: Operable): Tensor;
    /** `this < y` as bool. */
    lt(y: Operable): Tensor;
    /** `this <= y` as bool. */
    le(y: Operable): Tensor;
    /** `this > y` as bool. */
    gt(y: Operable): Tensor;
    /** `this >= y` as bool. */
    ge(y: Operable): Tensor;
    /** Both of two bool tensors. */
    logicalAnd(y: Operable): Tensor;
    /** Either of two bool tensors. */
    logicalOr(y: Operable): Tensor;
    /** Exactly one of two bool tensors. */
    logicalXor(y: Operable): Tensor;
    /** Not, of a bool tensor. */
    logicalNot(): Tensor;
    /** Of a bool tensor: elements of `x` where it holds, else of `y`. */
    where(x: Operable, y: Operable): Tensor;
    /** Values below `lo` become `lo`, above `hi` become `hi`; NaN stays. */
    clamp(lo: number, hi: number): Tensor;
    /** `-this`. */
    neg(): Tensor;
    /** Absolute value. */
    abs(): Tensor;
    /** -1, 0 or 1. */
    sign(): Tensor;
    /** 0 where negative. */
    relu(): Tensor;
    /** `e` to the power of each element, f32. */
    exp(): Tensor;
    /** Natural logarithm, f32. */
    log(): Tensor;
    /** Square root, f32. */
    sqrt(): Tensor;
    /** `1 / sqrt(this)`, f32. */
    rsqrt(): Tensor;
    /** Sine of radians, f32. */
    sin(): Tensor;
    /** Cosine of radians, f32. */
    cos(): Tensor;
    /** Hyperbolic tangent, f32. */
    tanh(): Tensor;
    /** `1 / (1 + e^-this)`, f32. */
    sigmoid(): Tensor;
    /** `this / (1 + e^-this)`, f32. */
    silu(): Tensor;
    /** Largest whole number not above, f32. */
    floor(): Tensor;
    /** Smallest whole number not below, f32. */
    ceil(): Tensor;
    /** Nearest whole number, halves to even, f32. */
    round(): Tensor;
    /** Whether each element is NaN; bool. */
    isNan(): Tensor;
    /** Whether each element is finite; bool. */
    isFinite(): Tensor;
  }
}

const { add, sub, mul, div, pow, maximum, minimum, mod, eq, ne, lt, le, gt, ge, logicalAnd, logicalOr, logicalXor } =
  binary;
const {
  neg,
  abs,
  sign,
  relu,
  exp,
  log,
  sqrt,
  rsqrt,
  sin,
  cos,
  tanh,
  sigmoid,
  silu,
  floor,
  ceil,
  round,
  isNan,
  isFinite,
  logicalNot,
} = unary;

attachMethods({
  ...{ cast, to: moveTo, where, clamp },
  ...{ add, sub, mul, div, pow, maximum, minimum, mod, eq, ne, lt, le, gt, ge, logicalAnd, logicalOr, logicalXor },
  ...{
    neg,
    abs,
    sign,
    relu,
    exp,
    log,
    sqrt,
    rsqrt,
    sin,
    cos,
    tanh,
    sigmoid,
    silu,
    floor,
    ceil,
    round,
    isNan,
    isFinite,
    logicalNot,
  },
});
