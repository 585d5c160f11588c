/** A tensor as notebook output: what it is, how its values spread, and the values themselves on a heat colour. */
import type { TensorLike } from '../plot/input';
import { finiteRange } from '../plot/input';
import { formatNumber } from '../plot/label';
import { colorAt, inkOn, toHex } from '../plot/svg/color';
import { DIVERGING, SEQUENTIAL } from '../plot/theme';
import type { MimeBundle } from './mime';
import { escapeHtml } from './mime';

/** What a tensor may say about itself beyond its shape and values. */
interface DescribedTensor extends TensorLike {
  readonly dtype?: unknown;
  readonly device?: unknown;
}

/** Values shown at either end of an axis that is too long to show whole. */
const EDGE = 4;

/** Above this many values a tensor is described but not read: a copy would take gigabytes. */
const MOST_VALUES = 1 << 24;

/**
 * A tensor as a MIME bundle.
 *
 * @param tensor any shape; of more than two axes, the first matrix is shown
 */
export function tensorBundle(tensor: DescribedTensor): MimeBundle {
  const size = tensor.shape.reduce((a, b) => a * b, 1);
  const head = describeTensor(tensor);
  if (size > MOST_VALUES) {
    const text = `${head}, ${formatNumber(size)} values: too many to show. Slice it first.`;
    return { 'text/html': `<div>${escapeHtml(text)}</div>`, 'text/plain': text };
  }
  const values = tensor.toFloat64Array();
  const facts = statistics(values);
  const own = String(tensor);
  return {
    'text/html': `<div><div style="padding:2px 0"><b>${escapeHtml(head)}</b> · ${facts}</div>${valueTable(tensor.shape, values)}</div>`,
    'text/plain': own.startsWith('[object ') ? `${head} · ${facts}` : `${own}\n${facts}`,
  };
}

/** What a tensor is, in one line. */
export function describeTensor(tensor: DescribedTensor): string {
  const dtype = typeof tensor.dtype === 'string' ? ` ${tensor.dtype}` : '';
  const device = typeof tensor.device === 'string' ? ` on ${tensor.device}` : '';
  return `Tensor${dtype} [${tensor.shape.join(', ')}]${device}`;
}

/** Smallest, mean, largest value, standard deviation, and what is not finite. */
export function statistics(values: Float64Array): string {
  if (values.length === 0) return 'empty';
  const { min, max, skipped } = finiteRange(values);
  const finite = values.length - skipped;
  if (finite === 0) return `all ${values.length} NaN or infinite`;
  let sum = 0;
  for (const value of values) if (Number.isFinite(value)) sum += value;
  const mean = sum / finite;
  let squares = 0;
  for (const value of values) if (Number.isFinite(value)) squares += (value - mean) ** 2;
  const parts = [
    `min ${formatNumber(min)}`,
    `mean ${formatNumber(mean)}`,
    `max ${formatNumber(max)}`,
    `std ${formatNumber(Math.sqrt(squares / finite))}`,
  ];
  if (skipped > 0) parts.push(`${skipped} NaN or infinite`);
  return parts.join(' · ');
}

function valueTable(shape: readonly number[], values: Float64Array): string {
  if (values.length === 0) return '';
  const cols = shape.length === 0 ? 1 : shape[shape.length - 1];
  const rows = shape.length < 2 ? 1 : shape[shape.length - 2];
  const shownCols = edges(cols, 2 * EDGE + 2);
  const shownRows = edges(rows, 2 * EDGE + 2);
  const { min, max } = finiteRange(values);
  const signed = min < 0;
  const most = Math.max(Math.abs(min), Math.abs(max)) || 1;
  const cell = (value: number): string => {
    const t = signed ? (value / most + 1) / 2 : (value - min) / (max - min || 1);
    const color = Number.isFinite(value) ? colorAt(signed ? DIVERGING : SEQUENTIAL, t) : ([255, 214, 102] as const);
    return `<td style="background:${toHex(color)};color:${inkOn(color)};text-align:right;padding:1px 6px;font-family:monospace">${formatNumber(value)}</td>`;
  };
  const faint = (text: string): string => `<td style="text-align:center;padding:1px 6px;color:#888888">${text}</td>`;
  const line = (row: number): string =>
    `<tr>${faint(row < 0 ? '⋮' : String(row))}${shownCols.map((col) => (col < 0 ? faint('…') : row < 0 ? faint('⋮') : cell(values[row * cols + col]))).join('')}</tr>`;
  const head = `<tr>${faint('')}${shownCols.map((col) => faint(col < 0 ? '…' : String(col))).join('')}</tr>`;
  const which =
    shape.length > 2
      ? `<div style="color:#888888">at [${shape
          .slice(0, -2)
          .map(() => 0)
          .join(', ')}, :, :] of the leading axes</div>`
      : '';
  return `${which}<table style="border-collapse:collapse">${head}${shownRows.map(line).join('')}</table>`;
}

/** Indices to show along an axis; -1 stands for those left out. */
function edges(count: number, whole: number): number[] {
  if (count <= whole) return Array.from({ length: count }, (_, i) => i);
  return [
    ...Array.from({ length: EDGE }, (_, i) => i),
    -1,
    ...Array.from({ length: EDGE }, (_, i) => count - EDGE + i),
  ];
}
