import { OptionError } from '../native/errors';
import type { DType, TypedArray } from './dtype';
import { decoderOf, isFloat } from './dtype';
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
  readonly strides: readonly number[];
  readonly dtype: DType;
  readonly device: string;
  readonly size: number;
}

/**
 * NumPy-like text of a tensor: aligned columns, edges only when it is large, then shape, dtype and device.
 *
 * @param extent its memory from the first element to the last; only what is shown is read
 */
export function formatTensor(x: Printable, extent: TypedArray, options: FormatOptions): string {
  const { precision = 4, threshold = 1000, edgeItems = 3 } = options;
  checkWhole('precision', precision, 17);
  checkWhole('edgeItems', edgeItems, 1000);
  if (!(threshold >= 0)) throw new OptionError(`expected a threshold >= 0, received ${threshold}.`, { op: 'toString' });
  const tail = `shape=${shapeText(x.shape)}, ${x.dtype}${x.device === 'cpu' ? '' : `, ${x.device}`}`;
  if (x.size === 0) return `Tensor([], ${tail})`;
  const edge = x.size > threshold ? edgeItems : Infinity;
  const decode = decoderOf(x.dtype);
  const value = (at: number): number => decode(extent[at]);
  const shown: number[] = [];
  visit(x, edge, (at) => shown.push(value(at)));
  const format = formatter(shown, x.dtype, precision);
  const width = shown.reduce((most, v) => Math.max(most, format(v).length), 0);
  const cell = (at: number): string => format(value(at)).padStart(width);
  return `Tensor(${lines(x, 0, 0, edge, cell, 'Tensor('.length)}, ${tail})`;
}

function checkWhole(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= most) return;
  throw new OptionError(`expected ${name} to be a whole number from 0 to ${most}, received ${value}.`, {
    op: 'toString',
  });
}

// The indices along one dimension, with -1 where elements are left out.
function indices(n: number, edge: number): number[] {
  if (n <= 2 * edge) return Array.from({ length: n }, (_, i) => i);
  const head = Array.from({ length: edge }, (_, i) => i);
  return [...head, -1, ...head.map((i) => n - edge + i)];
}

type Layout = Pick<Printable, 'shape' | 'strides'>;

function visit(x: Layout, edge: number, see: (at: number) => void, dim = 0, at = 0): void {
  if (dim === x.shape.length) return see(at);
  for (const i of indices(x.shape[dim], edge)) if (i >= 0) visit(x, edge, see, dim + 1, at + i * x.strides[dim]);
}

function lines(x: Layout, dim: number, at: number, edge: number, cell: (at: number) => string, indent: number): string {
  const { shape, strides } = x;
  if (dim === shape.length) return cell(at);
  const parts = indices(shape[dim], edge).map((i) =>
    i < 0 ? '...' : lines(x, dim + 1, at + i * strides[dim], edge, cell, indent + 1),
  );
  const last = dim === shape.length - 1;
  const gap = last ? ', ' : `,${'\n'.repeat(shape.length - 1 - dim)}${' '.repeat(indent + 1)}`;
  return `[${parts.join(gap)}]`;
}

// One format for all shown values, so that columns line up.
function formatter(values: number[], dtype: DType, precision: number): (v: number) => string {
  if (dtype === 'bool') return (v) => (v !== 0 ? 'true' : 'false');
  if (!isFloat(dtype)) return (v) => String(v);
  const finite = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const max = finite.reduce((a, b) => Math.max(a, b), 0);
  const min = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const special = (v: number): string | undefined =>
    Number.isNaN(v) ? 'nan' : v === Infinity ? 'inf' : v === -Infinity ? '-inf' : undefined;
  if (max >= 1e8 || (finite.length > 0 && (min < 1e-4 || max / min > 1e5))) {
    return (v) => special(v) ?? v.toExponential(precision);
  }
  const digits = values.filter(Number.isFinite).reduce((most, v) => Math.max(most, needed(v, precision)), 0);
  return (v) => special(v) ?? (digits === 0 ? `${v.toFixed(0)}.` : v.toFixed(digits));
}

// Digits after the point that `v` needs, at most `precision`.
function needed(v: number, precision: number): number {
  const text = v.toFixed(precision).replace(/0+$/, '');
  const dot = text.indexOf('.');
  return dot < 0 ? 0 : text.length - dot - 1;
}
