import { OptionError, ShapeError } from '../native/errors';
import { empty } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import { shapeText } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { write } from '../tensor/write';
import { noise } from './case-data';
import { callOne } from './dispatch';
import { expectShape, rowIndex } from './expect';
import type { OpCase, OpDef } from './schema';
import { touch } from './schema';

/**
 * `rope`: turns the pairs (i, i + E/2) of every head by the angle of the row's position (Su et al. 2021, in the layout of
 * Hugging Face). Two products and their sum, each rounded. Rows at position -1 give zeros.
 */
export const ropeDef: OpDef = {
  name: 'rope',
  infer([x, pos, cos, sin]) {
    expectDType('rope', 'x', x, 'f32');
    expectShape('rope', 'x', x, [-1, -1, -1]);
    if (x.shape[2] % 2 !== 0)
      throw new ShapeError(`expected an even head size, received ${shapeText(x.shape)}.`, { op: 'rope' });
    expectDType('rope', 'positions', pos, 'i32');
    expectShape('rope', 'positions', pos, [x.shape[0]]);
    for (const table of [cos, sin]) {
      expectDType('rope', 'a table', table, 'f32');
      expectShape('rope', 'a table', table, [cos.shape[0] ?? 0, x.shape[2] / 2]);
    }
    return [{ shape: x.shape, dtype: 'f32' }];
  },
  reference([x, pos, cos, sin], _attrs, [y]) {
    const [rows, heads, size] = x.shape;
    const half = size / 2;
    for (let t = 0; t < rows; t++) {
      if (pos.data[t] === -1) continue;
      const p = rowIndex('rope', pos.data[t], cos.shape[0]);
      for (let h = 0; h < heads; h++) {
        const at = (t * heads + h) * size;
        for (let i = 0; i < half; i++) {
          const [c, s] = [cos.data[p * half + i], sin.data[p * half + i]];
          y.data[at + i] = x.data[at + i] * c - x.data[at + half + i] * s;
          y.data[at + half + i] = x.data[at + half + i] * c + x.data[at + i] * s;
        }
      }
    }
  },
  cost: ([x, pos], outputs) => ({ ops: 3 * x.shape.reduce((n, d) => n * d, 1), bytes: touch([x, pos], outputs) }),
  tolerance: {
    rel: 3 * 2 ** -24,
    why: 'a pair of length r: roundings of two products and a sum are at most 2 r 2^-24, and one of its outputs is at least r / sqrt 2',
  },
  cases: () => {
    const one = (
      name: string,
      shape: readonly [number, number, number],
      pos: readonly number[],
      positions = 7,
    ): OpCase<Record<string, never>> => {
      const half = shape[2] / 2;
      const angles = angleTable(positions, shape[2], 100);
      return {
        name,
        inputs: [
          { dtype: 'f32', shape, data: noise(shape[0] * shape[1] * shape[2], shape[2]) },
          { dtype: 'i32', shape: [shape[0]], data: pos },
          { dtype: 'f32', shape: [positions, half], data: angles.map(Math.cos) },
          { dtype: 'f32', shape: [positions, half], data: angles.map(Math.sin) },
        ],
        attrs: {},
      };
    };
    return [
      one('no rows', [0, 2, 4], []),
      one('one pair', [2, 1, 2], [0, 6]),
      one('idle rows', [3, 2, 8], [-1, 3, -1]),
      one('a whole block', [2, 3, 64], [5, 1]),
      one('odd half', [4, 2, 38], [6, 0, 2, 2]),
    ];
  },
};

// Angles [positions, E/2]: position p turns pair i by p * theta^(-2i/E).
function angleTable(positions: number, headDim: number, theta: number): Float64Array {
  const half = headDim / 2;
  return Float64Array.from(
    { length: positions * half },
    (_, at) => Math.floor(at / half) * theta ** ((-2 * (at % half)) / headDim),
  );
}

/**
 * Turns queries or keys to their positions.
 *
 * @param x f32 `[T, H, E]`
 * @param pos i32 `[T]`; -1 is an idle row
 * @param cos f32 `[P, E / 2]`, see {@link ropeTables}
 * @param sin f32 `[P, E / 2]`
 * @returns f32 `[T, H, E]`
 * @throws ShapeError if a position is outside the tables
 */
export function rope(x: Tensor, pos: Tensor, cos: Tensor, sin: Tensor): Tensor {
  return callOne(ropeDef, [x, pos, cos, sin], {});
}

/**
 * Cosines and sines of the rotary angles `p * theta^(-2i/E)`: f32 `[positions, headDim / 2]` each, computed in double and
 * rounded once.
 */
export function ropeTables(
  positions: number,
  headDim: number,
  theta: number,
  device: DeviceName = 'cpu',
): { cos: Tensor; sin: Tensor } {
  if (!(
    Number.isInteger(positions) &&
    positions >= 0 &&
    Number.isInteger(headDim) &&
    headDim >= 0 &&
    headDim % 2 === 0 &&
    theta > 0
  )) {
    throw new OptionError(
      `expected whole positions, an even head size and theta > 0, received ${positions}, ${headDim}, ${theta}.`,
      { op: 'ropeTables' },
    );
  }
  const angles = angleTable(positions, headDim, theta);
  const table = (f: (x: number) => number): Tensor => {
    const out = empty([positions, headDim / 2], 'f32', device);
    write(out, Float64Array.from(angles, f));
    return out;
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
