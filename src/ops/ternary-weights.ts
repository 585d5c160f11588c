import { guarded, native } from '../native/addon';
import { deviceNumber } from '../native/devices';
import { LoadError, OptionError, ShapeError } from '../native/errors';
import { describe } from '../native/options';
import { checkDevice, empty, fromTypedArray, tensor } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import { moveTo } from '../tensor/move';
import type { Tensor } from '../tensor/tensor';
import { Ternary } from '../tensor/ternary';
import { write } from '../tensor/write';
import { call, callOne } from './dispatch';
import {
  ternaryCountsDef,
  ternaryFromFloatDef,
  ternaryFromHfDef,
  ternaryPackDef,
  ternaryUnpackDef,
} from './ternary-pack';
import { planeBytes, planesOf } from './ternary-planes';

/** Rows of a ternary matrix: canonical planes u8 `[2, n, ceil(cols / 8)]`, and what their products are multiplied by. */
export interface TernaryPart {
  readonly planes: Tensor;
  readonly scale: number;
}

/**
 * Planes of a matrix in the Hugging Face packing: u8 `[N / 4, K]`, bits `2i` and `2i + 1` of byte `[r, k]` are `w + 1` at row
 * `i * N / 4 + r`.
 *
 * @throws LoadError if a code is 3, which is no weight
 */
export function planesFromHf(weight: Tensor): Tensor {
  const [planes, illegal] = call(ternaryFromHfDef, [weight], {});
  const count = illegal.item();
  illegal.dispose();
  if (count === 0) return planes;
  planes.dispose();
  throw new LoadError(
    `expected codes 0, 1 and 2, received ${count} times code 3, which is no ternary weight. Fetch the weights again.`,
    { op: 'planesFromHf', details: { count } },
  );
}

/**
 * Planes and scale of float master weights, bf16 or f32 `[N, K]`: `scale = max(mean|w|, 1e-5)`.
 *
 * @throws LoadError if a weight is not finite
 */
export function planesFromFloat(weight: Tensor): TernaryPart {
  const [planes, scaleTensor] = call(ternaryFromFloatDef, [weight], {});
  const scale = scaleTensor.item();
  scaleTensor.dispose();
  if (Number.isFinite(scale)) return { planes, scale };
  planes.dispose();
  throw new LoadError(`expected finite weights, received a mean of ${scale}. Fetch the weights again.`, {
    op: 'planesFromFloat',
  });
}

/** Bytes of a packed matrix, without its scales. */
export function packedBytes(rows: number, cols: number, device: DeviceName): number {
  if (device === 'reference') return 2 * rows * planeBytes(cols);
  const on = deviceNumber(device);
  return guarded(() => native().ternaryBytes(rows, cols, on));
}

/**
 * A matrix over weights that this device packed before, of `packedBytes` bytes in all.
 *
 * @param packed u8, in the order of the running variant
 * @param rowScale f32 `[rows]`
 */
export function ternaryOver(packed: Tensor, rowScale: Tensor, rows: number, cols: number): Ternary {
  packed.storage.layout = { kind: 'ternary', rows, cols };
  return new Ternary(rows, cols, packed, rowScale);
}

/**
 * A packed matrix from its rows, one part after the other. The planes stay the caller's.
 *
 * @param cols columns of the matrix
 * @param device default: where the first part's planes are
 */
export function ternaryFromParts(
  parts: readonly TernaryPart[],
  cols: number,
  device: DeviceName = parts[0]?.planes.device ?? 'cpu',
): Ternary {
  checkDevice('ternaryFromParts', device);
  const rows = parts.reduce((sum, { planes }) => sum + planes.shape[1], 0);
  const packed = empty([packedBytes(rows, cols, device)], 'u8', device);
  const rowScale = empty([rows], 'f32', device);
  try {
    let begin = 0;
    for (const { planes, scale } of parts) {
      const here = moveTo(planes, device);
      try {
        call(ternaryPackDef, [packed, here], { rows, cols, begin });
      } finally {
        if (here !== planes) here.dispose();
      }
      write(rowScale, new Float64Array(planes.shape[1]).fill(scale), begin);
      begin += planes.shape[1];
    }
  } catch (error) {
    packed.dispose();
    rowScale.dispose();
    throw error;
  }
  return ternaryOver(packed, rowScale, rows, cols);
}

/**
 * A matrix in the Hugging Face packing, u8 `[N / 4, K]`.
 *
 * @param scale multiplies every row's products. Default 1
 * @throws LoadError if a code is 3
 */
export function ternaryFromHf(weight: Tensor, scale = 1, device: DeviceName = weight.device): Ternary {
  return packOnce({ planes: planesFromHf(weight), scale }, weight.shape[1], device);
}

/** Ternarises float master weights, bf16 or f32 `[N, K]`; see {@link planesFromFloat}. */
export function ternaryFromFloat(weight: Tensor, device: DeviceName = weight.device): Ternary {
  return packOnce(planesFromFloat(weight), weight.shape[1], device);
}

/**
 * A matrix from rows of -1, 0 and 1.
 *
 * @throws OptionError for any other value, ShapeError for ragged rows
 */
export function ternaryFromArray(values: readonly ArrayLike<number>[], scale = 1, device: DeviceName = 'cpu'): Ternary {
  checkDevice('ternaryFromArray', device);
  const rows = values.length;
  const cols = values[0]?.length ?? 0;
  values.forEach((row, r) => {
    if (row.length !== cols)
      throw new ShapeError(`expected rows of ${cols} weights, received ${row.length} in row ${r}.`, {
        op: 'ternaryFromArray',
      });
    for (let k = 0; k < cols; k++) {
      if (row[k] === 0 || row[k] === 1 || row[k] === -1) continue;
      throw new OptionError(`expected weights -1, 0 and 1, received ${describe(row[k])} at [${r}, ${k}].`, {
        op: 'ternaryFromArray',
      });
    }
  });
  const flat = Int8Array.from({ length: rows * cols }, (_, i) => values[Math.floor(i / cols)][i % cols]);
  const planes = fromTypedArray(planesOf(flat, rows, cols), { shape: [2, rows, planeBytes(cols)], device });
  return packOnce({ planes, scale }, cols, device);
}

function packOnce(part: TernaryPart, cols: number, device: DeviceName): Ternary {
  try {
    return ternaryFromParts([part], cols, device);
  } finally {
    part.planes.dispose();
  }
}

/** The weights as i8 `[rows, cols]`, or of the rows from `begin` to `end`. */
export function ternaryValues(weight: Ternary, begin = 0, end = weight.rows): Tensor {
  const { rows, cols, packed } = weight;
  return callOne(ternaryUnpackDef, [packed], { rows, cols, begin, count: end - begin });
}

/**
 * Canonical planes of the whole matrix, or of the rows from `begin` to `end`: u8 `[n, ceil(cols / 8)]` each, on the weight's
 * device. `zero` has a bit where the weight is 0, `plus` where it is +1; the lowest bit is the first column; bits beyond the
 * last column are those of a zero.
 */
export function ternaryPlanes(weight: Ternary, begin = 0, end = weight.rows): { zero: Tensor; plus: Tensor } {
  const values = ternaryValues(weight, begin, end);
  const n = end - begin;
  const width = planeBytes(weight.cols);
  const planes = planesOf(values.data(), n, weight.cols);
  values.dispose();
  const { device } = weight;
  const plane = (i: number): Tensor =>
    tensor(planes.subarray(i * n * width, (i + 1) * n * width), { shape: [n, width], dtype: 'u8', device });
  return { zero: plane(0), plus: plane(1) };
}

/** Canonical planes of packed weights, flat: what the reference of an op reads in their place. */
export function packedPlanes(packed: Tensor): Uint8Array {
  const { layout } = packed.storage;
  if (layout === undefined)
    throw new ShapeError('expected packed ternary weights, received a plain tensor.', { op: 'packedPlanes' });
  if (packed.device === 'reference') return Uint8Array.from(packed.data());
  const { rows, cols } = layout;
  const values = callOne(ternaryUnpackDef, [packed], { rows, cols, begin: 0, count: rows });
  const planes = planesOf(values.data(), rows, cols);
  values.dispose();
  return planes;
}

/** How many weights of each row are -1, 0 and +1: i32 `[rows, 3]`. */
export function ternaryCounts(weight: Ternary): Tensor {
  const { rows, cols, packed } = weight;
  return callOne(ternaryCountsDef, [packed], { rows, cols });
}

/** Rows without any weight other than 0: their outputs are always 0. */
export function deadRows(weight: Ternary): number[] {
  const counts = ternaryCounts(weight);
  const data = counts.data();
  const dead = Array.from({ length: weight.rows }, (_, r) => r).filter((r) => data[3 * r + 1] === weight.cols);
  counts.dispose();
  return dead;
}

/** The same matrix on another device, or itself when it is there. */
export function ternaryTo(weight: Ternary, device: DeviceName): Ternary {
  checkDevice('ternaryTo', device);
  if (weight.device === device) return weight;
  const values = ternaryValues(weight);
  const { rows, cols } = weight;
  const planes = fromTypedArray(planesOf(values.data(), rows, cols), { shape: [2, rows, planeBytes(cols)], device });
  values.dispose();
  const moved = packOnce({ planes, scale: 1 }, cols, device);
  write(moved.rowScale, weight.rowScale.data());
  return moved;
}
