import { ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';
import type { CreateOptions } from '../tensor/create';
import { fromTypedArray } from '../tensor/create';
import { checkShape } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { releaseConstant } from './constant';
import { where } from './select';

/**
 * A bool mask `[rows, cols]` that is true on and below a diagonal: the main one for 0, one further right for each step up.
 * With `rows` = `cols` it is the causal mask of attention.
 */
export function trilMask(
  rows: number,
  cols: number = rows,
  diagonal = 0,
  options: Pick<CreateOptions, 'device'> = {},
): Tensor {
  checkOptions('trilMask', options, ['device']);
  checkShape('trilMask', [rows, cols]);
  const data = Uint8Array.from({ length: rows * cols }, (_, i) =>
    Number((i % cols) - Math.floor(i / cols) <= diagonal),
  );
  return fromTypedArray(data, { dtype: 'bool', shape: [rows, cols], device: options.device });
}

/** The lower triangle of the last two dimensions, on and below a diagonal; the rest is 0. */
export function tril(x: Tensor, diagonal = 0): Tensor {
  return triangle('tril', x, diagonal, true);
}

/** The upper triangle of the last two dimensions, on and above a diagonal; the rest is 0. */
export function triu(x: Tensor, diagonal = 0): Tensor {
  return triangle('triu', x, diagonal - 1, false);
}

function triangle(op: string, x: Tensor, diagonal: number, below: boolean): Tensor {
  x.checkAlive(op);
  if (x.ndim < 2) throw new ShapeError(`expected at least two dimensions, received ${x.ndim}.`, { op });
  const [rows, cols] = x.shape.slice(-2);
  const mask = trilMask(rows, cols, diagonal, { device: x.device });
  const out = below ? where(mask, x, 0) : where(mask, 0, x);
  releaseConstant(mask);
  return out;
}
