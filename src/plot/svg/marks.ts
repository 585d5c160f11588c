/** The marks of a figure: cells, bars, lines, points, whiskers. */
import type { BarTrace, ErrorBars, HeatmapTrace, Layout, ScatterTrace } from '../figure';
import { plainText } from '../figure';
import { MONO_FAMILY } from '../theme';
import { colorAt, inkOn, toHex } from './color';
import { cellEnds, cellStep } from './extent';
import { encodePng } from './png';
import type { Scale } from './scale';
import { coordinate, element, textAt } from './xml';

/** Up to here every cell is a rectangle; larger matrices without texts become one embedded picture. */
const MOST_RECTANGLES = 400;

/** The cells of a matrix, with their texts. */
export function drawHeatmap(trace: HeatmapTrace, x: Scale, y: Scale): string {
  const [cols, rows] = [trace.x.length, trace.y.length];
  if (cols === 0 || rows === 0) return '';
  return cols * rows > MOST_RECTANGLES && trace.text === undefined
    ? cellsAsPicture(trace, x, y)
    : cellsAsRectangles(trace, x, y);
}

function cellsAsRectangles(trace: HeatmapTrace, x: Scale, y: Scale): string {
  const halfX = cellStep(trace.x) / 2;
  const halfY = cellStep(trace.y) / 2;
  const [gapX, gapY] = [trace.xgap ?? 0, trace.ygap ?? 0];
  const out: string[] = [];
  trace.z.forEach((row, i) => {
    row.forEach((value, j) => {
      if (value === null) return;
      const [left, right] = order(x.at(trace.x[j] - halfX), x.at(trace.x[j] + halfX));
      const [top, bottom] = order(y.at(trace.y[i] - halfY), y.at(trace.y[i] + halfY));
      const color = colorAt(trace.colorscale, (value - trace.zmin) / (trace.zmax - trace.zmin));
      out.push(
        element('rect', {
          x: left + gapX / 2,
          y: top + gapY / 2,
          // A hair wider than the cell, so that no light line shows between neighbours.
          width: Math.max(0.1, right - left - gapX + (gapX === 0 ? 0.4 : 0)),
          height: Math.max(0.1, bottom - top - gapY + (gapY === 0 ? 0.4 : 0)),
          fill: toHex(color),
        }),
      );
      const words = trace.text?.[i]?.[j];
      if (words === undefined || words === '') return;
      const size = Math.min(
        trace.textfont?.size ?? 11,
        bottom - top,
        (1.6 * (right - left)) / Math.max(1, [...plainText(words)].length),
      );
      if (size < 3) return;
      out.push(
        textAt((left + right) / 2, (top + bottom) / 2, plainText(words), {
          'font-family': trace.textfont?.family ?? MONO_FAMILY,
          'font-size': size,
          fill: inkOn(color),
          'text-anchor': 'middle',
          'dominant-baseline': 'central',
        }),
      );
    });
  });
  return out.join('');
}

function cellsAsPicture(trace: HeatmapTrace, x: Scale, y: Scale): string {
  const [cols, rows] = [trace.x.length, trace.y.length];
  const [left, right] = order(...both(cellEnds(trace.x), x));
  const [top, bottom] = order(...both(cellEnds(trace.y), y));
  const downwards = y.at(trace.y[rows - 1]) >= y.at(trace.y[0]);
  const pixels = new Uint8Array(cols * rows);
  for (let i = 0; i < rows; i++) {
    const line = downwards ? i : rows - 1 - i;
    for (let j = 0; j < cols; j++) {
      const value = trace.z[i][j];
      // Index 255 is transparent: a gap.
      pixels[line * cols + j] =
        value === null
          ? 255
          : Math.round(254 * Math.min(1, Math.max(0, (value - trace.zmin) / (trace.zmax - trace.zmin))));
    }
  }
  const palette = Array.from(
    { length: 256 },
    (_, k) => [...colorAt(trace.colorscale, k / 254), k === 255 ? 0 : 255] as [number, number, number, number],
  );
  return element('image', {
    x: left,
    y: top,
    width: right - left,
    height: bottom - top,
    preserveAspectRatio: 'none',
    style: 'image-rendering:pixelated',
    href: `data:image/png;base64,${encodePng(cols, rows, pixels, palette).toString('base64')}`,
  });
}

/** Where the bars of one trace stand among those of other traces. */
export interface BarPlace {
  /** Position of this trace in its group, and how many share the group. */
  readonly index: number;
  readonly count: number;
  /** For stacks: the height that earlier traces have already reached at each x. */
  readonly base?: ReadonlyMap<number, number>;
}

/** Bars with their whiskers and printed values. */
export function drawBars(trace: BarTrace, x: Scale, y: Scale, layout: Layout, place: BarPlace): string {
  const slot = trace.width ?? 1 - (layout.bargap ?? 0.2);
  const grouped = layout.barmode === 'group' && trace.width === undefined;
  const width = grouped ? slot / place.count : slot;
  const floor = y.log ? y.from : y.at(0);
  const out: string[] = [];
  trace.y.forEach((value, i) => {
    if (value === null) return;
    const start = trace.x[i] - slot / 2 + (grouped ? place.index * width : 0);
    const base = place.base?.get(trace.x[i]) ?? 0;
    const [left, right] = order(x.at(start), x.at(start + width));
    const tip = y.at(base + value);
    if (!Number.isFinite(tip)) return;
    const [top, bottom] = order(tip, place.base && base !== 0 ? y.at(base) : floor);
    out.push(
      element('rect', {
        x: left,
        y: top,
        width: Math.max(0.3, right - left),
        height: bottom - top,
        fill: trace.marker.color,
        'fill-opacity': trace.marker.opacity,
      }),
    );
    const middle = (left + right) / 2;
    out.push(whisker(trace.error_y, i, value, middle, y));
    const words = trace.text?.[i];
    if (words) {
      const inside = trace.textposition === 'auto' && bottom - top > 16;
      const above = y.at(value + Math.max(0, trace.error_y?.array[i] ?? 0));
      const outside = value < 0 ? bottom + 13 : (Number.isFinite(above) ? above : top) - 5;
      out.push(
        textAt(middle, inside ? (top + bottom) / 2 + 4 : outside, plainText(words), {
          'font-size': 10,
          fill: inside ? '#ffffff' : '#222222',
          'text-anchor': 'middle',
        }),
      );
    }
  });
  return out.join('');
}

/** A line, points, or both. */
export function drawScatter(trace: ScatterTrace, x: Scale, y: Scale): string {
  const points = trace.x.map((v, i): [number, number] | undefined => {
    const value = trace.y[i];
    if (v === null || value === null || value === undefined) return undefined;
    const at: [number, number] = [x.at(v), y.at(value)];
    return at.every(Number.isFinite) ? at : undefined;
  });
  const out: string[] = [];
  if (trace.mode.includes('lines')) out.push(drawPath(trace, points));
  points.forEach((point, i) => {
    if (!point) return;
    out.push(whisker(trace.error_y, i, trace.y[i] ?? 0, point[0], y));
    if (trace.mode.includes('markers')) {
      out.push(
        element('circle', {
          cx: point[0],
          cy: point[1],
          r: (trace.marker?.size ?? 6) / 2,
          fill: trace.marker?.color ?? '#000000',
          'fill-opacity': trace.marker?.opacity,
        }),
      );
    }
    const words = trace.text?.[i];
    if (words)
      out.push(
        textAt(point[0], point[1] - 8, plainText(words), { 'font-size': 10, fill: '#222222', 'text-anchor': 'middle' }),
      );
  });
  return out.join('');
}

function drawPath(trace: ScatterTrace, points: readonly ([number, number] | undefined)[]): string {
  let path = '';
  let pen = false;
  for (const point of points) {
    if (point) path += `${pen ? 'L' : 'M'}${coordinate(point[0])} ${coordinate(point[1])}`;
    pen = point !== undefined;
  }
  if (path === '') return '';
  const dash = { solid: undefined, dash: '7 5', dot: '2 4' }[trace.line?.dash ?? 'solid'];
  return element('path', {
    d: path,
    fill: 'none',
    stroke: trace.line?.color ?? '#000000',
    'stroke-width': trace.line?.width ?? 2,
    'stroke-dasharray': dash,
    'stroke-linejoin': 'round',
  });
}

function whisker(bars: ErrorBars | undefined, i: number, value: number, x: number, y: Scale): string {
  if (!bars) return '';
  const high = y.at(value + (bars.array[i] ?? 0));
  const lowest = y.at(value - (bars.arrayminus[i] ?? 0));
  const low = Number.isFinite(lowest) ? lowest : y.from;
  if (!Number.isFinite(high)) return '';
  const cap = bars.width ?? 4;
  const [h, l, left, right] = [high, low, x - cap, x + cap].map(coordinate);
  return element('path', {
    d: `M${left} ${h}L${right} ${h}M${coordinate(x)} ${h}L${coordinate(x)} ${l}M${left} ${l}L${right} ${l}`,
    fill: 'none',
    stroke: bars.color ?? '#444444',
    'stroke-width': bars.thickness ?? 1,
  });
}

function order(a: number, b: number): [number, number] {
  return a <= b ? [a, b] : [b, a];
}

function both(ends: readonly [number, number], scale: Scale): [number, number] {
  return [scale.at(ends[0]), scale.at(ends[1])];
}
