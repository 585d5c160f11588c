import { ShapeError } from '../native/errors';
import { broadcastShapes, contiguousStrides, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import type { OpCase, OpDef } from './schema';
import { touch } from './schema';
import { reshape, squeeze, unsqueeze } from './views';

const wave = (n: number, step: number): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(step * (i + 1) * (i + 3)));

function product(name: string, x: number[], y: number[]): OpCase<Record<string, never>> {
  return {
    name,
    inputs: [
      { dtype: 'f32', shape: x, data: wave(sizeOf(x), 1) },
      { dtype: 'f32', shape: y, data: wave(sizeOf(y), 2) },
    ],
    attrs: {},
  };
}

// Flat index of the matrix that batch element `i` of `batch` reads from an operand with batch dimensions `own`.
function matrixOf(i: number, batch: readonly number[], own: readonly number[]): number {
  const strides = contiguousStrides(batch);
  const mine = contiguousStrides(own);
  const skip = batch.length - own.length;
  return own.reduce(
    (at, d, k) => at + (d === 1 ? 0 : (Math.floor(i / strides[k + skip]) % batch[k + skip]) * mine[k]),
    0,
  );
}

/** `matmul`: f32 `[…, M, K]` times `[…, K, N]` to `[…, M, N]`; the dimensions before broadcast. */
export const matmulDef: OpDef = {
  name: 'matmul',
  infer([x, y]) {
    for (const operand of [x, y]) expectDType('matmul', 'both inputs', operand, 'f32');
    if (x.shape.length < 2 || y.shape.length < 2 || x.shape[x.shape.length - 1] !== y.shape[y.shape.length - 2]) {
      throw new ShapeError(
        `expected shapes [.., M, K] and [.., K, N], received ${shapeText(x.shape)} and ${shapeText(y.shape)}. Transpose one of them.`,
        { op: 'matmul' },
      );
    }
    const batch = broadcastShapes('matmul', x.shape.slice(0, -2), y.shape.slice(0, -2));
    return [{ shape: [...batch, x.shape[x.shape.length - 2], y.shape[y.shape.length - 1]], dtype: 'f32' }];
  },
  reference([x, y], _attrs, [out]) {
    const [m, n] = out.shape.slice(-2);
    const k = x.shape[x.shape.length - 1];
    const batch = out.shape.slice(0, -2);
    for (let b = 0; b < sizeOf(batch); b++) {
      const p = matrixOf(b, batch, x.shape.slice(0, -2)) * m * k;
      const q = matrixOf(b, batch, y.shape.slice(0, -2)) * k * n;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let t = 0; t < k; t++) sum += x.data[p + i * k + t] * y.data[q + t * n + j];
          out.data[(b * m + i) * n + j] = sum;
        }
      }
    }
  },
  cost: ([x, y], [out]) => ({ ops: 2 * sizeOf(out.shape) * x.shape[x.shape.length - 1], bytes: touch([x, y, out]) }),
  tolerance: {
    rel: 2 ** -17,
    why: 'K/16 fused steps and 4 additions, each within 2^-24 of the sum so far: 68 units for K = 1024 and terms of one sign; of mixed signs the roundings average out while the sum shrinks to about sqrt(K) terms, which doubles it',
  },
  strided: true,
  cases: () => [
    product('one number', [1, 1], [1, 1]),
    product('odd', [3, 5], [5, 7]),
    product('around the lanes', [2, 16], [16, 4]),
    product('past the lanes', [5, 33], [33, 9]),
    product('batch', [4, 3, 17], [4, 17, 2]),
    product('broadcast batch', [2, 1, 3, 8], [5, 8, 6]),
    product('column times row', [4, 1], [1, 5]),
    product('K of 0', [2, 0], [0, 3]),
    product('empty', [0, 4], [4, 3]),
    {
      name: 'not finite',
      inputs: [
        { dtype: 'f32', shape: [2, 2], data: [Infinity, 1, 3e38, 3e38] },
        { dtype: 'f32', shape: [2, 2], data: [0, 1, 10, 1] },
      ],
      attrs: {},
    },
  ],
};

/**
 * Matrix product of f32 tensors: `[…, M, K]` times `[…, K, N]`; the dimensions before broadcast. A tensor of one dimension is a
 * row on the left and a column on the right, and its dimension disappears, as in NumPy.
 *
 * Every output is one dot product in 16 float32 lanes: the same bits on every CPU and number of threads.
 */
export function matmul(x: Tensor, y: Tensor): Tensor {
  for (const operand of [x, y]) {
    operand.checkAlive('matmul');
    if (operand.ndim === 0)
      throw new ShapeError('expected at least one dimension, received none. Use mul().', { op: 'matmul' });
  }
  const left = x.ndim === 1 ? unsqueeze(x, 0) : x;
  const right = y.ndim === 1 ? unsqueeze(y, 1) : y;
  try {
    const product = callOne(matmulDef, [left, right], {});
    const noColumn = y.ndim === 1 ? dropped(product, -1) : product;
    return x.ndim === 1 ? dropped(noColumn, y.ndim === 1 ? -1 : -2) : noColumn;
  } finally {
    if (left !== x) left.dispose();
    if (right !== y) right.dispose();
  }
}

function dropped(x: Tensor, dim: number): Tensor {
  const y = squeeze(x, dim);
  x.dispose();
  return y;
}

/** Dot product of two f32 tensors of one dimension and equal length; no dimensions. */
export function dot(x: Tensor, y: Tensor): Tensor {
  if (x.ndim !== 1 || y.ndim !== 1) {
    throw new ShapeError(
      `expected two tensors of one dimension, received ${shapeText(x.shape)} and ${shapeText(y.shape)}. Use matmul().`,
      { op: 'dot' },
    );
  }
  return matmul(x, y);
}

/** All products `x[i] * y[j]` of two f32 tensors, flattened: `[x.size, y.size]`. */
export function outer(x: Tensor, y: Tensor): Tensor {
  const column = reshape(x, [x.size, 1]);
  const row = reshape(y, [1, y.size]);
  const out = matmul(column, row);
  column.dispose();
  row.dispose();
  return out;
}
