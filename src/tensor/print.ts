import { OptionError } from '../native/errors';
import type { DType } from './dtype';
import { shapeText } from './shape';

/** How a tensor is printed. */
export interface FormatOptions {
  /** Digits after the point, 0 to 17. Default 4. */
  precision?: number;
  /** Number of elements above which only the edges are shown. Default 1000. */
  threshold?: number;
  /** Elements shown at each edge of a summarised dimension. Default 3. */
  edgeItems?: number;
}

interface Printable {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: string;
  readonly size: number;
  toFloat64Array(): Float64Array;
}

/** NumPy-like text of a tensor: aligned columns, edges only when it is large, then shape, dtype and device. */
export function formatTensor(x: Printable, options: FormatOptions): string {
  const { precision = 4, threshold = 1000, edgeItems = 3 } = options;
  if (!Number.isInteger(precision) || precision < 0 || precision > 17) {
    throw new OptionError(`expected precision to be a whole number from 0 to 17, received ${precision}.`, { op: 'toString' });
  }
  const values = x.toFloat64Array();
  const tail = `shape=${shapeText(x.shape)}, ${x.dtype}${x.device === 'cpu' ? '' : `, ${x.device}`}`;
  if (x.size === 0) return `Tensor([], ${tail})`;
  const edge = x.size > threshold ? edgeItems : Infinity;
  const shown: number[] = [];
  visit(x.shape, edge, (at) => shown.push(values[at]));
  const format = formatter(shown, x.dtype, precision);
  const width = Math.max(...shown.map((v) => format(v).length));
  const cell = (at: number): string => format(values[at]).padStart(width);
  const body = lines(x.shape, 0, 0, edge, cell, 'Tensor('.length);
  return `Tensor(${body}, ${tail})`;
}

// The indices along one dimension, with -1 where elements are left out.
function indices(n: number, edge: number): number[] {
  if (n <= 2 * edge + 1) return Array.from({ length: n }, (_, i) => i);
  const head = Array.from({ length: edge }, (_, i) => i);
  return [...head, -1, ...head.map((i) => n - edge + i)];
}

function visit(shape: readonly number[], edge: number, see: (at: number) => void, dim = 0, at = 0): void {
  if (dim === shape.length) return see(at);
  for (const i of indices(shape[dim], edge)) if (i >= 0) visit(shape, edge, see, dim + 1, at * shape[dim] + i);
}

function lines(shape: readonly number[], dim: number, at: number, edge: number, cell: (at: number) => string, indent: number): string {
  if (dim === shape.length) return cell(at);
  const parts = indices(shape[dim], edge).map((i) => (i < 0 ? '...' : lines(shape, dim + 1, at * shape[dim] + i, edge, cell, indent + 1)));
  const last = dim === shape.length - 1;
  const gap = last ? ', ' : `,${'\n'.repeat(shape.length - 1 - dim)}${' '.repeat(indent + 1)}`;
  return `[${parts.join(gap)}]`;
}

// One format for all shown values, so that columns line up.
function formatter(values: number[], dtype: DType, precision: number): (v: number) => string {
  if (dtype === 'bool') return (v) => (v !== 0 ? 'true' : 'false');
  if (dtype !== 'f32' && dtype !== 'bf16') return (v) => String(v);
  const finite = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const max = Math.max(...finite, 0);
  const min = Math.min(...finite, Infinity);
  const special = (v: number): string | undefined => (Number.isNaN(v) ? 'nan' : v === Infinity ? 'inf' : v === -Infinity ? '-inf' : undefined);
  if (max >= 1e8 || (finite.length > 0 && (min < 1e-4 || max / min > 1e5))) {
    return (v) => special(v) ?? v.toExponential(precision);
  }
  const digits = Math.max(...values.filter(Number.isFinite).map((v) => needed(v, precision)), 0);
  return (v) => special(v) ?? (digits === 0 ? `${v.toFixed(0)}.` : v.toFixed(digits));
}

// Digits after the point that `v` needs, at most `precision`.
function needed(v: number, precision: number): number {
  const text = v.toFixed(precision).replace(/0+$/, '');
  const dot = text.indexOf('.');
  return dot < 0 ? 0 : text.length - dot - 1;
}
