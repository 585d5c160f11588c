/** Making large data small enough to draw. Every function says in words what it did, for the note below the title. */
import type { Matrix } from './input';

/** How several cells become one: their mean, or the one that lies farthest from zero. */
export type Reduction = 'mean' | 'maxAbs';

/** A matrix small enough to draw, with the original index of the centre of each row and column. */
export interface Shrunk {
  readonly matrix: Matrix;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** What was done, or `undefined` when every cell is drawn. */
  readonly note?: string;
}

/**
 * Joins blocks of cells until a matrix has at most `maxRows` x `maxCols` of them. NaN and infinite cells are left out of
 * the mean; a block of nothing else stays NaN.
 */
export function shrinkMatrix(matrix: Matrix, maxRows: number, maxCols: number, how: Reduction = 'mean'): Shrunk {
  const { rows, cols, data } = matrix;
  const [stepY, stepX] = [Math.max(1, Math.ceil(rows / maxRows)), Math.max(1, Math.ceil(cols / maxCols))];
  const x = blockCentres(cols, stepX);
  const y = blockCentres(rows, stepY);
  if (stepX === 1 && stepY === 1) return { matrix, x, y };
  const out = new Float64Array(x.length * y.length);
  for (let i = 0; i < y.length; i++) {
    for (let j = 0; j < x.length; j++) {
      out[i * x.length + j] = joinBlock(
        data,
        cols,
        i * stepY,
        Math.min(rows, (i + 1) * stepY),
        j * stepX,
        Math.min(cols, (j + 1) * stepX),
        how,
      );
    }
  }
  const what = how === 'mean' ? 'the mean' : 'the largest magnitude';
  return {
    matrix: { rows: y.length, cols: x.length, data: out },
    x,
    y,
    note: `${rows} × ${cols} values drawn as ${y.length} × ${x.length} cells, each ${what} of ${stepY} × ${stepX}`,
  };
}

/** A line small enough to draw: the smallest and largest value of every bucket, in their order, so no spike is lost. */
export function shrinkLine(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  maxPoints: number,
): { x: number[]; y: number[]; note?: string } {
  if (y.length <= maxPoints) return { x: Array.from(x), y: Array.from(y) };
  const buckets = Math.max(1, Math.floor(maxPoints / 2));
  const outX: number[] = [];
  const outY: number[] = [];
  for (let b = 0; b < buckets; b++) {
    const from = Math.floor((b * y.length) / buckets);
    const to = Math.floor(((b + 1) * y.length) / buckets);
    let [low, high] = [from, from];
    for (let i = from; i < to; i++) {
      if (!(y[i] >= y[low])) low = i;
      if (!(y[i] <= y[high])) high = i;
    }
    for (const i of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
      outX.push(x[i]);
      outY.push(y[i]);
    }
  }
  return { x: outX, y: outY, note: `${y.length} points drawn as ${outY.length}: smallest and largest of each stretch` };
}

/** Every k-th of many points, k chosen so that at most `maxPoints` remain. */
export function everyKth(count: number, maxPoints: number): { indices: number[]; note?: string } {
  const step = Math.max(1, Math.ceil(count / maxPoints));
  const indices: number[] = [];
  for (let i = 0; i < count; i += step) indices.push(i);
  return step === 1 ? { indices } : { indices, note: `${count} points, every ${step}${ordinal(step)} drawn` };
}

function blockCentres(count: number, step: number): number[] {
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step + (step - 1) / 2);
}

function joinBlock(
  data: Float64Array,
  cols: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
  how: Reduction,
): number {
  let [sum, used, most] = [0, 0, 0];
  for (let r = top; r < bottom; r++) {
    for (let c = left; c < right; c++) {
      const value = data[r * cols + c];
      if (!Number.isFinite(value)) continue;
      sum += value;
      used++;
      if (Math.abs(value) > Math.abs(most)) most = value;
    }
  }
  if (used === 0) return NaN;
  return how === 'mean' ? sum / used : most;
}

function ordinal(n: number): string {
  const teen = Math.floor((n % 100) / 10) === 1;
  return teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
}
