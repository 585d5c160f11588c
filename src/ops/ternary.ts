import { OptionError, ShapeError } from '../native/errors';
import { shapeText, sizeOf } from '../tensor/shape';
import type { Ternary } from '../tensor/ternary';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { call, callOne } from './dispatch';
import { expectShape } from './expect';
import type { OpDef, RefArray, TensorSpec } from './schema';
import { touch } from './schema';
import { productCases, rescaleCases, sumCases } from './ternary-cases';
import { weightAt } from './ternary-planes';

/** Size of a packed matrix. */
export interface MatrixAttrs {
  readonly rows: number;
  readonly cols: number;
}

/** Size of a packed matrix, and the rows that go to each of up to four outputs. */
export interface ProductAttrs extends MatrixAttrs {
  readonly parts: readonly number[];
}

// Exact sums of products: what the planes mean.
function sums(q8: RefArray, packed: RefArray, { rows, cols }: MatrixAttrs): Float64Array {
  const T = q8.shape[0];
  const y = new Float64Array(T * rows);
  const weights = new Int8Array(cols);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < cols; k++) weights[k] = weightAt(packed.data, rows, cols, r, k);
    for (let t = 0; t < T; t++) {
      let sum = 0;
      for (let k = 0; k < cols; k++) sum += weights[k] * q8.data[t * cols + k];
      y[t * rows + r] = sum;
    }
  }
  return y;
}

function expectPacked(op: string, packed: TensorSpec, q8: TensorSpec, { rows, cols }: MatrixAttrs): void {
  expectDType(op, 'packed weights', packed, 'u8');
  expectDType(op, 'activations', q8, 'i8');
  expectShape(op, 'packed weights', packed, [-1]);
  expectShape(op, 'activations', q8, [-1, cols]);
  if (packed.device === 'reference') expectShape(op, 'packed weights', packed, [2 * rows * Math.ceil(cols / 8)]);
}

const productOps = (T: number, { rows, cols }: MatrixAttrs): number => 2 * T * rows * cols;

/**
 * `ternary_matmul`: i8 `[T, K]`, scales f32 `[T, 1]`, packed weights of a matrix `[N, K]` and row scales f32 `[N]` to f32
 * `[T, parts[i]]` each: `y = (q8 · wᵀ) * (rowScale / scale)`, the product exact in int32, K up to 65536.
 */
export const ternaryMatmulDef: OpDef<ProductAttrs> = {
  name: 'ternary_matmul',
  infer([q8, scale, packed, rowScale], attrs) {
    const { rows, parts } = attrs;
    expectPacked('ternary_matmul', packed, q8, attrs);
    expectDType('ternary_matmul', 'activation scales', scale, 'f32');
    expectShape('ternary_matmul', 'activation scales', scale, [q8.shape[0], 1]);
    expectDType('ternary_matmul', 'row scales', rowScale, 'f32');
    expectShape('ternary_matmul', 'row scales', rowScale, [rows]);
    if (parts.length < 1 || parts.length > 4 || parts.reduce((a, b) => a + b, 0) !== rows) {
      throw new OptionError(`expected 1 to 4 parts with ${rows} rows together, received ${shapeText(parts)}.`, {
        op: 'ternary_matmul',
      });
    }
    return parts.map((n) => ({ shape: [q8.shape[0], n], dtype: 'f32' }));
  },
  encode: ({ rows, cols, parts }) => [rows, cols, ...Array.from({ length: 4 }, (_, i) => parts[i] ?? 0)],
  reference([q8, scale, packed, rowScale], attrs, outputs) {
    const acc = sums(q8, packed, attrs);
    let begin = 0;
    outputs.forEach((y, i) => {
      const n = attrs.parts[i];
      for (let t = 0; t < q8.shape[0]; t++) {
        for (let r = 0; r < n; r++)
          y.data[t * n + r] = acc[t * attrs.rows + begin + r] * (rowScale.data[begin + r] / scale.data[t]);
      }
      begin += n;
    });
  },
  cost: (inputs, outputs, attrs) => ({ ops: productOps(inputs[0].shape[0], attrs), bytes: touch(inputs, outputs) }),
  tolerance: { rel: 2 ** -24, why: 'exact in double, then one rounding to float32' },
  cases: productCases,
};

/** `ternary_matmul_i32`: i8 `[T, K]` and packed weights of a matrix `[N, K]` to the exact sums i32 `[T, N]`. */
export const ternaryMatmulI32Def: OpDef<MatrixAttrs> = {
  name: 'ternary_matmul_i32',
  infer([q8, packed], attrs) {
    expectPacked('ternary_matmul_i32', packed, q8, attrs);
    return [{ shape: [q8.shape[0], attrs.rows], dtype: 'i32' }];
  },
  encode: ({ rows, cols }) => [rows, cols],
  reference([q8, packed], attrs, [y]) {
    y.data.set(sums(q8, packed, attrs));
  },
  cost: (inputs, outputs, attrs) => ({ ops: productOps(inputs[0].shape[0], attrs), bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  cases: sumCases,
};

/** `rescale`: sums i32 `[T, N]`, scales f32 `[T, 1]` and row scales f32 `[N]` to f32 `[T, N]`: `acc * (rowScale / scale)`. */
export const rescaleDef: OpDef = {
  name: 'rescale',
  infer([acc, scale, rowScale]) {
    expectDType('rescale', 'sums', acc, 'i32');
    expectDType('rescale', 'activation scales', scale, 'f32');
    expectDType('rescale', 'row scales', rowScale, 'f32');
    expectShape('rescale', 'sums', acc, [-1, -1]);
    expectShape('rescale', 'activation scales', scale, [acc.shape[0], 1]);
    expectShape('rescale', 'row scales', rowScale, [acc.shape[1]]);
    return [{ shape: acc.shape, dtype: 'f32' }];
  },
  reference([acc, scale, rowScale], _attrs, [y]) {
    const N = acc.shape[1];
    acc.data.forEach((sum, i) => (y.data[i] = sum * (rowScale.data[i % N] / scale.data[Math.floor(i / N)])));
  },
  cost: (inputs, outputs) => ({ ops: 2 * sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
  tolerance: { rel: 2 ** -24, why: 'exact in double, then one rounding to float32' },
  cases: rescaleCases,
};

/**
 * `(q8 · wᵀ) * (rowScale / scale)`, f32 `[T, parts[i]]` for each part of the weight's rows.
 *
 * @param q8 i8 `[T, K]`
 * @param scale f32 `[T, 1]`, as `quantizeAct` gives it
 * @param parts rows of each output, at most four; default one output with all rows
 */
export function ternaryMatmul(
  q8: Tensor,
  scale: Tensor,
  weight: Ternary,
  parts: readonly number[] = [weight.rows],
): Tensor[] {
  const { rows, cols, packed, rowScale } = live(weight);
  return call(ternaryMatmulDef, [q8, scale, packed, rowScale], { rows, cols, parts });
}

/** The exact sums `q8 · wᵀ`: i8 `[T, K]` to i32 `[T, N]`. */
export function ternaryMatmulI32(q8: Tensor, weight: Ternary): Tensor {
  const { rows, cols, packed } = live(weight);
  return callOne(ternaryMatmulI32Def, [q8, packed], { rows, cols });
}

/** `acc * (rowScale / scale)`: with {@link ternaryMatmulI32} the same bits as {@link ternaryMatmul}. */
export function rescale(acc: Tensor, scale: Tensor, rowScale: Tensor): Tensor {
  return callOne(rescaleDef, [acc, scale, rowScale], {});
}

function live(weight: Ternary): Ternary {
  if (weight.packed.storage.layout === undefined) {
    throw new ShapeError('expected a Ternary made by this library, received one without a layout.', {
      op: 'ternary_matmul',
    });
  }
  return weight;
}
