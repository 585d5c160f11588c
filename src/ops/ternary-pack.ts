import { ShapeError } from '../native/errors';
import { bf16ToNumber } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import { expectDType } from '../tensor/tensor';
import { noise } from './case-data';
import { expectShape } from './expect';
import type { OpDef, TensorSpec } from './schema';
import { touch } from './schema';
import type { MatrixAttrs } from './ternary';
import { packedOperand, trits } from './ternary-cases';
import { planeBytes, planesOf, weightAt } from './ternary-planes';

const moved = (inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): { ops: number; bytes: number } => ({
  ops: sizeOf(inputs[0].shape),
  bytes: touch(inputs, outputs),
});

const maxCols = 65536;

function expectMatrix(op: string, x: TensorSpec): void {
  expectShape(op, 'weights', x, [-1, -1]);
  if (x.shape[1] > maxCols)
    throw new ShapeError(`expected at most ${maxCols} columns, received ${x.shape[1]}.`, { op });
}

/**
 * `ternary_from_hf`: u8 `[N / 4, K]`, four rows a byte as Hugging Face packs them, to canonical planes u8
 * `[2, N, ceil(K / 8)]`, and i32 `[1]`: how many codes were 3, which is no weight.
 */
export const ternaryFromHfDef: OpDef = {
  name: 'ternary_from_hf',
  infer([x]) {
    expectDType('ternary_from_hf', 'packed rows', x, 'u8');
    expectMatrix('ternary_from_hf', x);
    return [
      { shape: [2, 4 * x.shape[0], planeBytes(x.shape[1])], dtype: 'u8' },
      { shape: [1], dtype: 'i32' },
    ];
  },
  reference([x], _attrs, [planes, illegal]) {
    const [R, K] = x.shape;
    const width = planeBytes(K);
    for (let r = 0; r < 4 * R; r++) {
      for (let k = 0; k < 8 * width; k++) {
        const code = k < K ? (x.data[(r % R) * K + k] >> (2 * Math.floor(r / R))) & 3 : 1;
        planes.data[r * width + (k >> 3)] |= (code & 1) << (k & 7);
        planes.data[(4 * R + r) * width + (k >> 3)] |= (code >> 1) << (k & 7);
        if (code === 3) illegal.data[0]++;
      }
    }
  },
  cost: moved,
  tolerance: { exact: true },
  cases: () => [
    { name: 'documented example', inputs: [{ dtype: 'u8', shape: [2, 2], data: [168, 25, 17, 146] }], attrs: {} },
    ...[1, 8, 31, 32, 70].map((k) => ({
      name: `${k} columns, illegal codes among them`,
      inputs: [{ dtype: 'u8' as const, shape: [3, k], data: noise(3 * k, k).map((v) => Math.floor(128 + 128 * v)) }],
      attrs: {},
    })),
    { name: 'no rows', inputs: [{ dtype: 'u8', shape: [0, 5], data: [] }], attrs: {} },
    { name: 'no columns', inputs: [{ dtype: 'u8', shape: [2, 0], data: [] }], attrs: {} },
  ],
};

/**
 * `ternary_from_float`: bf16 or f32 master weights `[N, K]` to canonical planes, and the scale f32 `[1]`:
 * `scale = max(mean|w|, 1e-5)`, weight `clamp(roundHalfEven(w * (1 / scale)), -1, 1)` (BitNet b1.58, arXiv 2402.17764 §2), in double.
 */
export const ternaryFromFloatDef: OpDef = {
  name: 'ternary_from_float',
  infer([w]) {
    expectDType('ternary_from_float', 'weights', w, 'f32', 'bf16');
    expectMatrix('ternary_from_float', w);
    return [
      { shape: [2, w.shape[0], planeBytes(w.shape[1])], dtype: 'u8' },
      { shape: [1], dtype: 'f32' },
    ];
  },
  reference([w], _attrs, [planes, scale]) {
    const values = w.dtype === 'bf16' ? Float64Array.from(w.data, bf16ToNumber) : Float64Array.from(w.data);
    const mean = values.reduce((sum, v) => sum + Math.abs(v), 0) / Math.max(values.length, 1);
    scale.data[0] = Math.max(mean, 1e-5);
    const inverse = 1 / scale.data[0];
    // Half rounds to even, which is 0 here.
    const sign = (v: number): number => (v * inverse > 0.5 ? 1 : v * inverse < -0.5 ? -1 : 0);
    planes.data.set(planesOf(Float64Array.from(values, sign), w.shape[0], w.shape[1]));
  },
  cost: moved,
  tolerance: { rel: 2 ** -23, why: 'a double sum, rounded once to float32' },
  cases: () => [
    {
      name: 'documented example',
      inputs: [{ dtype: 'f32', shape: [2, 4], data: [0.3, -0.1, 0.04, -0.5, 0.2, 0, -0.02, 0.16] }],
      attrs: {},
    },
    { name: 'halves round to zero', inputs: [{ dtype: 'f32', shape: [1, 4], data: [0.5, -0.5, 1.5, 1.5] }], attrs: {} },
    ...(['bf16', 'f32'] as const).flatMap((dtype) =>
      [1, 9, 64].map((k) => ({
        name: `${dtype}, ${k} columns`,
        inputs: [{ dtype, shape: [5, k], data: noise(5 * k, k) }],
        attrs: {},
      })),
    ),
    { name: 'zeros', inputs: [{ dtype: 'f32', shape: [2, 3], data: [0, 0, 0, 0, 0, 0] }], attrs: {} },
    { name: 'no rows', inputs: [{ dtype: 'bf16', shape: [0, 3], data: [] }], attrs: {} },
  ],
};

/** Where rows of planes go in a packed matrix. */
export interface PackAttrs extends MatrixAttrs {
  readonly begin: number;
}

/** `ternary_pack_`: writes canonical planes u8 `[2, n, ceil(cols / 8)]` as rows `begin`, … of packed weights, in the variant's order. */
export const ternaryPackDef: OpDef<PackAttrs> = {
  name: 'ternary_pack_',
  infer([packed, planes], { rows, cols, begin }) {
    expectDType('ternary_pack_', 'packed weights', packed, 'u8');
    expectDType('ternary_pack_', 'planes', planes, 'u8');
    expectShape('ternary_pack_', 'packed weights', packed, [-1]);
    expectShape('ternary_pack_', 'planes', planes, [2, -1, planeBytes(cols)]);
    if (begin + planes.shape[1] > rows) {
      throw new ShapeError(`expected at most ${rows - begin} rows of planes, received ${planes.shape[1]}.`, {
        op: 'ternary_pack_',
      });
    }
    return [];
  },
  encode: ({ rows, cols, begin }) => [rows, cols, begin],
  reference([packed, planes], { rows, cols, begin }) {
    const n = planes.shape[1];
    const width = planeBytes(cols);
    const values = Array.from({ length: n * cols }, (_, i) =>
      Math.min(1, weightAt(planes.data, n, cols, Math.floor(i / cols), i % cols)),
    );
    // Both bits set reads as zero.
    values.forEach((_, i) => {
      if ((planes.data[Math.floor(i / cols) * width + ((i % cols) >> 3)] >> ((i % cols) & 7)) & 1) values[i] = 0;
    });
    const clean = planesOf(values, n, cols);
    packed.data.set(clean.subarray(0, n * width), begin * width);
    packed.data.set(clean.subarray(n * width), (rows + begin) * width);
  },
  cost: moved,
  tolerance: { exact: true },
  mutates: [0],
  cases: () =>
    [
      { rows: 40, cols: 19, begin: 3, n: 35 },
      { rows: 3, cols: 16, begin: 0, n: 3 },
      { rows: 65, cols: 8, begin: 64, n: 1 },
      { rows: 5, cols: 0, begin: 0, n: 5 },
    ].map(({ rows, cols, begin, n }) => ({
      name: `${n} of ${rows} rows from ${begin}, ${cols} columns`,
      inputs: [
        packedOperand(trits(rows * cols, 3), rows, cols),
        { dtype: 'u8', shape: [2, n, planeBytes(cols)], data: planesOf(trits(n * cols, 4), n, cols) },
      ],
      attrs: { rows, cols, begin },
    })),
};

/** Which rows of a packed matrix are read. */
export interface UnpackAttrs extends PackAttrs {
  readonly count: number;
}

/** `ternary_unpack`: rows `begin` to `begin + count` of packed weights as i8 `[count, cols]`. */
export const ternaryUnpackDef: OpDef<UnpackAttrs> = {
  name: 'ternary_unpack',
  infer([packed], { rows, cols, begin, count }) {
    expectDType('ternary_unpack', 'packed weights', packed, 'u8');
    if (!(begin >= 0 && count >= 0 && begin + count <= rows)) {
      throw new ShapeError(`expected rows from 0 to ${rows}, received ${begin} to ${begin + count}.`, {
        op: 'ternary_unpack',
      });
    }
    return [{ shape: [count, cols], dtype: 'i8' }];
  },
  encode: ({ rows, cols, begin, count }) => [rows, cols, begin, count],
  reference([packed], { rows, cols, begin }, [y]) {
    y.data.forEach((_, i) => (y.data[i] = weightAt(packed.data, rows, cols, begin + Math.floor(i / cols), i % cols)));
  },
  cost: moved,
  tolerance: { exact: true },
  cases: () => [
    {
      name: 'all rows',
      inputs: [packedOperand(trits(35 * 19, 5), 35, 19)],
      attrs: { rows: 35, cols: 19, begin: 0, count: 35 },
    },
    {
      name: 'one row',
      inputs: [packedOperand(trits(35 * 19, 6), 35, 19)],
      attrs: { rows: 35, cols: 19, begin: 33, count: 1 },
    },
    { name: 'no rows', inputs: [packedOperand([], 0, 4)], attrs: { rows: 0, cols: 4, begin: 0, count: 0 } },
  ],
};

/** `ternary_counts`: how many weights of each row are -1, 0 and +1, i32 `[rows, 3]`. */
export const ternaryCountsDef: OpDef<MatrixAttrs> = {
  name: 'ternary_counts',
  infer([packed], { rows }) {
    expectDType('ternary_counts', 'packed weights', packed, 'u8');
    return [{ shape: [rows, 3], dtype: 'i32' }];
  },
  encode: ({ rows, cols }) => [rows, cols],
  reference([packed], { rows, cols }, [y]) {
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < cols; k++) y.data[3 * r + 1 + weightAt(packed.data, rows, cols, r, k)]++;
    }
  },
  cost: moved,
  tolerance: { exact: true },
  cases: () =>
    [
      [35, 19],
      [1, 16],
      [3, 1],
      [2, 0],
      [0, 8],
    ].map(([rows, cols]) => ({
      name: `${rows} x ${cols}`,
      inputs: [packedOperand(trits(rows * cols, 8), rows, cols)],
      attrs: { rows, cols },
    })),
};
