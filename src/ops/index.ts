/** Operations on tensors, as functions and (by importing this file) as methods of every tensor. */
import './methods';

export { attention, attnScores, attnValues } from './attention';
export type { CacheScales } from './attention';
export {
  add,
  div,
  eq,
  ge,
  gt,
  le,
  logicalAnd,
  logicalOr,
  logicalXor,
  lt,
  maximum,
  minimum,
  mod,
  mul,
  ne,
  pow,
  sub,
} from './binary';
export { cast } from './cast';
export { concat, flip, pad, stack } from './concat';
export { copy } from './copy';
export { bincount, histogram } from './count';
export type { Histogram, HistogramOptions } from './count';
export { call, callOne } from './dispatch';
export { embedding } from './embedding';
export { gather, oneHot, takeAlongDim } from './gather';
export { relu2Glu, siluGlu } from './glu';
export { cacheTypes, kvAppend_ } from './kv';
export type { CacheType } from './kv';
export { linear } from './linear';
export { dot, matmul, outer } from './matmul';
export { rmsNorm, rmsScale } from './norm';
export { argmax, argmin, argsort, sort, topk } from './order';
export type { Selected } from './order';
export { quantizeAct } from './quantize';
export { Rng, rng } from './random';
export type { NormalOptions, UniformOptions } from './random';
export { all, any, cumsum, max, mean, min, prod, sum } from './reduce';
export type { Dims, ReduceOptions } from './reduce';
export { allOps } from './registry';
export { rope, ropeTables } from './rope';
export { sample_ } from './sample';
export type { SampleState } from './sample';
export type { Operable } from './scalars';
export type { Cost, OpCase, OpDef, RefArray, TensorSpec, Tolerance } from './schema';
export { quantizeRows } from './screen';
export { screenedLinear } from './screened-linear';
export type { ScreenState } from './screened-linear';
export { clamp, where } from './select';
export { logSoftmax, softmax } from './softmax';
export { countNonzero, norm, std, variance } from './statistics';
export type { NormOptions, VarianceOptions } from './statistics';
export { rescale, ternaryMatmul, ternaryMatmulI32 } from './ternary';
export {
  deadRows,
  ternaryCounts,
  ternaryFromArray,
  ternaryFromFloat,
  ternaryFromHf,
  ternaryFromParts,
  ternaryPlanes,
  ternaryTo,
  ternaryValues,
} from './ternary-weights';
export type { TernaryPart } from './ternary-weights';
export { tril, trilMask, triu } from './triangle';
export {
  abs,
  ceil,
  cos,
  exp,
  floor,
  isFinite,
  isNan,
  log,
  logicalNot,
  neg,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  sqrt,
  tanh,
} from './unary';
export {
  at,
  chunk,
  contiguous,
  expand,
  flatten,
  narrow,
  permute,
  reshape,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from './views';
export type { SliceArg } from './views';
