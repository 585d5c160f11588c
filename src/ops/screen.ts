import { bf16ToFloat32 } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { noise } from './case-data';
import { call } from './dispatch';
import { expectShape } from './expect';
import type { OpCase, OpDef } from './schema';
import { touch } from './schema';

/**
 * Screening a product with int8 codes. A weight row is `w = s q + d`, with codes `q` in -127..127; a row of activations is
 * `x = S z + r`, with whole `z` in -8191..8191. Then
 *
 *     <x, w> = s S <z, q> + <r, w> + <S z, d>
 *
 * and by Cauchy and Schwarz `|<x, w> - s S <z, q>| <= |r| |w| + |S z| |d|`. `<z, q>` is computed exactly. The float32 product of
 * `linear` is a chain of ceil(K / 16) fused multiply-adds and four additions, `n` roundings on the way of each term, so it is
 * within `g |x| |w|` of `<x, w>`, with `g = n u / (1 - n u)` and `u = 2^-24` (Higham 2002, §3.1), and `2^-149` for each operation
 * that underflows. The logit of `linear` is thus within
 *
 *     (|r| + g |x|) |w| + |S z| |d| + (K + 16) 2^-149
 *
 * of `s S <z, q>`. `|d|` and `|w|` are stored with the codes, rounded up to float32. All of this is computed in double, whose own
 * rounding (at most 2^16 squares in a sum, their root, a handful of other operations) is covered by the factors below.
 */
export const maxScreenCols = 2 ** 16;

const slack = 1 + 2 ** -36;
const magic = 1.5 * 2 ** 52; // adding it rounds to the nearest integer, ties to even

const nearest = (v: number): number => v + magic - magic;

// The order in which kernels add: eight running sums, folded.
function orderedSum(count: number, term: (i: number) => number): number {
  const lane = new Array<number>(8).fill(0);
  for (let i = 0; i < count; i++) lane[i % 8] += term(i);
  for (let n = 4; n >= 1; n /= 2) for (let i = 0; i < n; i++) lane[i] += lane[i + n];
  return lane[0];
}

const norm = (x: ArrayLike<number>): number => Math.sqrt(orderedSum(x.length, (i) => x[i] * x[i])) * slack;

const bits = new DataView(new ArrayBuffer(4));

// The least float32 that is not below v >= 0.
function roundUp(v: number): number {
  bits.setFloat32(0, v);
  if (bits.getFloat32(0) < v) bits.setUint32(0, bits.getUint32(0) + 1);
  return bits.getFloat32(0);
}

/** Codes of one row of weights, its scale `s`, upper bounds of `|d|` and `|w|`, and the sum of the codes. */
export function quantizeRow(w: ArrayLike<number>): { codes: Int8Array; bounds: readonly number[] } {
  const values = Array.from(w);
  const codes = new Int8Array(values.length);
  if (!values.every(Number.isFinite)) return { codes, bounds: [0, Infinity, Infinity, 0] };
  const step = Math.fround(values.reduce((top, v) => Math.max(top, Math.abs(v)), 0) / 127);
  const inverse = step > 0 ? 1 / step : 0;
  for (let i = 0; i < codes.length; i++) codes[i] = Math.min(127, Math.max(-127, nearest(values[i] * inverse)));
  const rest = values.map((v, i) => v - step * codes[i]);
  return { codes, bounds: [step, roundUp(norm(rest)), roundUp(norm(values)), codes.reduce((a, b) => a + b, 0)] };
}

/** Lower and upper bound of `linear`'s logits for one row of activations. */
export class LogitBounds {
  readonly #z: readonly number[];
  readonly #step: number;
  readonly #norm: number;
  readonly #perNorm: number;
  readonly #perError: number;
  readonly #least: number;

  constructor(x: ArrayLike<number>) {
    const values = Array.from(x);
    const top = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const inverse = top > 0 ? 8191 / top : 0;
    const step = top / 8191;
    const z = values.map((v) => nearest(v * inverse));
    const roundings = Math.ceil(values.length / 16) + 4;
    const gamma = (roundings * 2 ** -24) / (1 - roundings * 2 ** -24);
    this.#z = z;
    this.#step = step;
    this.#norm = norm(values);
    this.#perNorm = norm(values.map((v, i) => v - step * z[i])) + this.#norm * (2 ** -48 + gamma);
    this.#perError = norm(z.map((v) => step * v));
    this.#least = (values.length + 16) * 2 ** -149;
  }

  /** Bounds for row `r` of the codes; undefined when nothing can be said. */
  of(codes: ArrayLike<number>, bounds: ArrayLike<number>, r: number): readonly [number, number] | undefined {
    const at = r * this.#z.length;
    const product = this.#z.reduce((sum, z, i) => sum + z * codes[at + i], 0);
    const [scale, error, size] = [0, 1, 2].map((i) => bounds[4 * r + i]);
    const value = product * (this.#step * scale);
    const spread =
      (this.#perNorm * size + this.#perError * error + this.#least) * (1 + 2 ** -40) + Math.abs(value) * 2 ** -48;
    return this.#norm * size < 1e38 ? [value - spread, value + spread] : undefined; // or a partial sum could overflow
  }
}

const rows = (
  name: string,
  shape: readonly number[],
  data: ArrayLike<number>,
  dtype: 'bf16' | 'f32' = 'bf16',
): OpCase<Record<string, never>> => ({ name, inputs: [{ dtype, shape, data }], attrs: {} });

/**
 * `quantize_rows`: int8 codes of the rows of a matrix, with what bounds the error of a product with them. bf16 or f32 `[V, K]` to
 * i8 `[V, K]` and f32 `[V, 4]`: scale `max|w| / 127`, upper bounds of `|w - scale codes|` and `|w|`, and the sum of the codes. A row
 * that is not finite has codes 0 and infinite bounds.
 */
export const quantizeRowsDef: OpDef = {
  name: 'quantize_rows',
  infer([weight]) {
    expectDType('quantize_rows', 'the weight', weight, 'bf16', 'f32');
    expectShape('quantize_rows', 'the weight', weight, [-1, -1]);
    return [
      { shape: weight.shape, dtype: 'i8' },
      { shape: [weight.shape[0], 4], dtype: 'f32' },
    ];
  },
  reference([weight], _attrs, [codes, bounds]) {
    const [V, K] = weight.shape;
    const w = weight.dtype === 'bf16' ? bf16ToFloat32(weight.data) : weight.data;
    for (let r = 0; r < V; r++) {
      const row = quantizeRow(w.subarray(r * K, (r + 1) * K));
      codes.data.set(row.codes, r * K);
      bounds.data.set(row.bounds, 4 * r);
    }
  },
  cost: (inputs, outputs) => ({ ops: 8 * sizeOf(inputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  cases: () => [
    ...[1, 7, 8, 33, 256, 2560].map((k) => rows(`${k} wide`, [3, k], noise(3 * k, k))),
    rows('float32', [2, 37], noise(74, 3), 'f32'),
    rows('ties to even', [1, 7], [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5], 'f32'),
    rows('zeros and denormals', [3, 3], [0, 0, 0, 2 ** -133, 0, -(2 ** -133), 2 ** -149, 0, 2 ** -148], 'f32'),
    rows('an outlier', [1, 9], [1e30, 1, -1, 2, 3, 0.5, -7, 0, 1e-30]),
    rows('largest', [1, 2], [3.38e38, -3.38e38]),
    rows('not finite', [4, 2], [1, NaN, Infinity, -1, -Infinity, 2, 3, 4]),
    rows('no rows', [0, 5], []),
    rows('no columns', [2, 0], []),
  ],
};

/** int8 codes `[V, K]` and bounds f32 `[V, 4]` of the rows of a matrix; see {@link quantizeRowsDef}. */
export function quantizeRows(weight: Tensor): [Tensor, Tensor] {
  const [codes, bounds] = call(quantizeRowsDef, [weight], {});
  return [codes, bounds];
}
