/** Axes as functions from values to pixels, with ticks at round numbers. */
import type { Axis } from '../figure';
import { plainText } from '../figure';
import { formatNumber } from '../label';

/** Smallest and largest value along an axis; empty while `min > max`. */
export interface Extent {
  readonly min: number;
  readonly max: number;
}

/** A mark on an axis, in pixels. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** An axis in pixels. */
export interface Scale {
  readonly log: boolean;
  /** Pixel of a value. Values that the axis cannot show, such as 0 on a logarithmic one, give NaN. */
  readonly at: (value: number) => number;
  /** Pixels of the lower and upper end of the axis. */
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly Tick[];
}

/** An extent that holds nothing yet. */
export const NO_EXTENT: Extent = { min: Infinity, max: -Infinity };

/** The extent of two extents; gaps and values that are not finite are passed over. */
export function widen(extent: Extent, values: Iterable<number | null>): Extent {
  let { min, max } = extent;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

/**
 * Builds the scale of an axis.
 *
 * @param axis type, range, ticks, direction
 * @param extent what the traces need, in data units
 * @param start pixel of the lower end when the axis is not reversed
 * @param end pixel of the upper end
 */
export function makeScale(axis: Axis, extent: Extent, start: number, end: number): Scale {
  const log = axis.type === 'log';
  const [low, high] = axis.range ?? ends(extent, log);
  const [from, to] = axis.autorange === 'reversed' ? [end, start] : [start, end];
  const at = (value: number): number => {
    const v = log ? (value > 0 ? Math.log10(value) : NaN) : value;
    return from + ((v - low) / (high - low)) * (to - from);
  };
  const inside = (pixel: number): boolean => pixel >= Math.min(from, to) - 0.5 && pixel <= Math.max(from, to) + 0.5;
  const values = axis.tickvals ?? (log ? logTicks(low, high) : linearTicks(low, high, Math.abs(to - from)));
  const ticks = values.map((value, i) => ({
    at: at(value),
    label: axis.ticktext ? plainText(axis.ticktext[i] ?? '') : tickLabel(value, log),
  }));
  return { log, at, from, to, ticks: ticks.filter((tick) => inside(tick.at)) };
}

/** Round numbers between two ends, about one every 50 pixels. */
export function linearTicks(low: number, high: number, pixels: number): number[] {
  const wanted = Math.max(2, Math.min(9, pixels / 50));
  const raw = (high - low) / wanted;
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw * 0.999) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(low: number, high: number): number[] {
  const decades = Math.ceil(high) - Math.floor(low);
  const factors = decades <= 2 ? [1, 2, 5] : [1];
  const step = Math.max(1, Math.ceil(decades / 8));
  const ticks: number[] = [];
  for (let d = Math.floor(low); d <= Math.ceil(high); d += step) {
    for (const factor of factors) {
      const value = Number(`${factor}e${d}`);
      if (Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9) ticks.push(value);
    }
  }
  return ticks;
}

function tickLabel(value: number, log: boolean): string {
  return log && (value < 1e-3 || value >= 1e5) ? value.toExponential(0).replace('e+', 'e') : formatNumber(value, 4);
}

function ends({ min, max }: Extent, log: boolean): [number, number] {
  if (min > max) return [0, 1];
  const [low, high] = log ? [Math.log10(min), Math.log10(max)] : [min, max];
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  if (low < high) return [low, high];
  const room = log ? 0.5 : Math.abs(low) * 0.1 || 0.5;
  return [low - room, high + room];
}
