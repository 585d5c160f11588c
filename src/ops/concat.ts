import { DTypeError, OptionError, ShapeError } from '../native/errors';
import { full } from '../tensor/create';
import { contiguousStrides, normalizeDim, sameShape, shapeText, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { releaseConstant } from './constant';
import { callOne } from './dispatch';
import type { OpDef } from './schema';
import { touch } from './schema';
import { unsqueeze } from './views';

const maxParts = 8;

/** `concat`: up to eight tensors of one dtype joined along a dimension; their other dimensions are equal. */
export const concatDef: OpDef<{ dim: number }> = {
  name: 'concat',
  infer(parts, { dim }) {
    const [first] = parts;
    for (const { shape, dtype } of parts) {
      if (dtype !== first.dtype) {
        throw new DTypeError(
          `expected tensors of one dtype, received ${first.dtype} and ${dtype}. Convert one with cast().`,
          { op: 'concat' },
        );
      }
      if (shape.length !== first.shape.length || !shape.every((d, i) => i === dim || d === first.shape[i])) {
        throw new ShapeError(
          `expected shapes that differ in dimension ${dim} only, received ${shapeText(first.shape)} and ${shapeText(shape)}.`,
          {
            op: 'concat',
          },
        );
      }
    }
    return [
      {
        shape: first.shape.map((d, i) => (i === dim ? parts.reduce((n, p) => n + p.shape[i], 0) : d)),
        dtype: first.dtype,
      },
    ];
  },
  encode: ({ dim }) => [dim],
  reference(parts, { dim }, [y]) {
    const inner = sizeOf(y.shape.slice(dim + 1));
    let at = 0;
    for (let outer = 0; outer < sizeOf(y.shape.slice(0, dim)); outer++) {
      for (const x of parts) {
        const count = x.shape[dim] * inner;
        for (let i = 0; i < count; i++) y.data[at++] = x.data[outer * count + i];
      }
    }
  },
  cost: (inputs, outputs) => ({ ops: 0, bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  cases: () => [
    {
      name: 'three in the middle',
      inputs: [2, 0, 5].map((n) => ({
        dtype: 'f32',
        shape: [3, n, 2],
        data: Array.from({ length: 6 * n }, (_, i) => i + 100 * n),
      })),
      attrs: { dim: 1 },
    },
    {
      name: 'long, first dimension, bf16',
      inputs: [700, 1, 900].map((n) => ({
        dtype: 'bf16',
        shape: [n, 3],
        data: Array.from({ length: 3 * n }, (_, i) => i % 97),
      })),
      attrs: { dim: 0 },
    },
    { name: 'one, i8', inputs: [{ dtype: 'i8', shape: [3], data: [-128, 0, 127] }], attrs: { dim: 0 } },
    { name: 'nothing', inputs: [1, 2].map((n) => ({ dtype: 'f32', shape: [0, n], data: [] })), attrs: { dim: 1 } },
  ],
};

/** Tensors of one dtype joined along a dimension (the first by default); their other dimensions are equal. */
export function concat(parts: readonly Tensor[], dim = 0): Tensor {
  needParts('concat', parts);
  const d = joinDim('concat', parts[0].ndim, dim);
  if (parts.length <= maxParts) return callOne(concatDef, parts, { dim: d });
  const joined: Tensor[] = [];
  for (let i = 0; i < parts.length; i += maxParts)
    joined.push(callOne(concatDef, parts.slice(i, i + maxParts), { dim: d }));
  const out = concat(joined, d);
  for (const x of joined) x.dispose();
  return out;
}

function needParts(op: string, parts: readonly Tensor[]): void {
  if (!Array.isArray(parts) || parts.length === 0)
    throw new OptionError('expected an array of at least one tensor.', { op });
}

function joinDim(op: string, ndim: number, dim: number): number {
  if (ndim === 0)
    throw new ShapeError('expected tensors with at least one dimension, received one without. Use stack().', { op });
  return normalizeDim(op, dim, ndim);
}

/** Tensors of one shape and dtype put side by side along a new dimension. */
export function stack(parts: readonly Tensor[], dim = 0): Tensor {
  needParts('stack', parts);
  for (const x of parts) {
    if (sameShape(x.shape, parts[0].shape)) continue;
    throw new ShapeError(
      `expected tensors of one shape, received ${shapeText(parts[0].shape)} and ${shapeText(x.shape)}.`,
      { op: 'stack' },
    );
  }
  const d = normalizeDim('stack', dim, parts[0].ndim + 1);
  const views = parts.map((x) => unsqueeze(x, d));
  const out = concat(views, d);
  for (const x of views) x.dispose();
  return out;
}

/**
 * `x` with `value` around it. `widths` has `[before, after]` for each dimension, as NumPy's `pad`.
 *
 * @throws ShapeError unless there is one pair of whole numbers >= 0 per dimension
 */
export function pad(x: Tensor, widths: readonly (readonly [number, number])[], value: number | boolean = 0): Tensor {
  x.checkAlive('pad');
  if (
    widths.length !== x.ndim ||
    !widths.every((w) => w.length === 2 && w.every((n) => Number.isInteger(n) && n >= 0))
  ) {
    throw new ShapeError(
      `expected a pair [before, after] for each of ${x.ndim} dimensions, received ${JSON.stringify(widths)}.`,
      { op: 'pad' },
    );
  }
  let out = x;
  widths.forEach((pair, dim) => {
    if (pair[0] + pair[1] === 0) return;
    const edges = pair.map((n) =>
      full(
        out.shape.map((d, i) => (i === dim ? n : d)),
        value,
        { dtype: x.dtype, device: x.device },
      ),
    );
    const next = concat([edges[0], out, edges[1]], dim);
    edges.forEach(releaseConstant);
    if (out !== x) out.dispose();
    out = next;
  });
  return out === x ? x.view(x.shape, x.strides, x.offset) : out;
}

/** `flip`: the order of elements reversed along dimensions. A copy, since strides are never negative. */
export const flipDef: OpDef<{ dims: readonly number[] }> = {
  name: 'flip',
  infer: ([x]) => [{ shape: x.shape, dtype: x.dtype }],
  encode: ({ dims }) => [dims.reduce((set, d) => set | (1 << d), 0)],
  reference([x], { dims }, [y]) {
    const strides = contiguousStrides(x.shape);
    for (let i = 0; i < y.data.length; i++) {
      const index = strides.map((s, d) => Math.floor(i / s) % x.shape[d]);
      y.data[i] = x.data[index.reduce((at, j, d) => at + (dims.includes(d) ? x.shape[d] - 1 - j : j) * strides[d], 0)];
    }
  },
  cost: (inputs, outputs) => ({ ops: 0, bytes: touch(inputs, outputs) }),
  tolerance: { exact: true },
  strided: true,
  cases: () => [
    { name: 'rows', inputs: [{ dtype: 'i32', shape: [3, 2], data: [1, 2, 3, 4, 5, 6] }], attrs: { dims: [0] } },
    {
      name: 'outer and inner',
      inputs: [{ dtype: 'u8', shape: [2, 3, 4], data: Array.from({ length: 24 }, (_, i) => i) }],
      attrs: { dims: [0, 2] },
    },
    { name: 'none, bf16', inputs: [{ dtype: 'bf16', shape: [2], data: [1, 2] }], attrs: { dims: [] } },
    {
      name: 'long',
      inputs: [{ dtype: 'f32', shape: [5000], data: Array.from({ length: 5000 }, (_, i) => i) }],
      attrs: { dims: [0] },
    },
    { name: 'empty', inputs: [{ dtype: 'f32', shape: [0, 2], data: [] }], attrs: { dims: [0, 1] } },
  ],
};

/** The order of elements reversed along one or several dimensions (all by default). A copy. */
export function flip(x: Tensor, dims: number | readonly number[] = x.shape.map((_, i) => i)): Tensor {
  const list = typeof dims === 'number' ? [dims] : dims;
  return callOne(flipDef, [x], { dims: list.map((d) => normalizeDim('flip', d, x.ndim)) });
}
