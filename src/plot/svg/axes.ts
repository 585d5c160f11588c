/** Everything around the marks: grid, ticks, axis titles, colour bar, legend. */
import type { Axis, Figure, HeatmapTrace, Trace } from '../figure';
import { plainLines, plainText } from '../figure';
import { shorten } from '../label';
import { FONT_FAMILY, INK } from '../theme';
import { colorAt, toHex } from './color';
import type { Scale } from './scale';
import { linearTicks } from './scale';
import { element, textAt } from './xml';

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** About how wide a text is, in pixels; wide characters count double. */
export function textWidth(text: string, size: number): number {
  let units = 0;
  for (const c of text) units += (c.codePointAt(0) ?? 0) >= 0x1100 ? 1 : 0.58;
  return units * size;
}

/** Grid lines of a panel, drawn below its marks. */
export function drawGrid(box: Box, xAxis: Axis, yAxis: Axis, x: Scale, y: Scale): string {
  const color = (axis: Axis): string => axis.gridcolor ?? '#e6e6e6';
  const line = (x1: number, y1: number, x2: number, y2: number, stroke: string): string =>
    element('line', { x1, y1, x2, y2, stroke });
  const vertical =
    xAxis.showgrid === false ? [] : x.ticks.map(({ at }) => line(at, box.top, at, box.bottom, color(xAxis)));
  const level =
    yAxis.showgrid === false ? [] : y.ticks.map(({ at }) => line(box.left, at, box.right, at, color(yAxis)));
  const zero = y.log || yAxis.zeroline === false ? NaN : y.at(0);
  const base =
    zero > box.top && zero < box.bottom ? line(box.left, zero, box.right, zero, yAxis.zerolinecolor ?? '#bbbbbb') : '';
  return vertical.join('') + level.join('') + base;
}

/** Lines, ticks and title of a panel's axes. */
export function drawAxes(
  box: Box,
  xAxis: Axis,
  yAxis: Axis,
  x: Scale,
  y: Scale,
  size: { width: number; height: number },
): string {
  const stroke = '#888888';
  const out = [
    element('line', { x1: box.left, y1: box.bottom, x2: box.right, y2: box.bottom, stroke }),
    element('line', { x1: box.left, y1: box.top, x2: box.left, y2: box.bottom, stroke }),
  ];
  const xSize = xAxis.tickfont?.size ?? 11;
  const ySize = yAxis.tickfont?.size ?? 11;
  const angle = xAxis.tickangle ?? 0;
  if (xAxis.showticklabels !== false) {
    for (const { at, label } of x.ticks) {
      out.push(element('line', { x1: at, y1: box.bottom, x2: at, y2: box.bottom + 4, stroke }));
      out.push(
        textAt(at + (angle === 0 ? 0 : 4), box.bottom + (angle === 0 ? 17 : 12), label, {
          'font-family': xAxis.tickfont?.family,
          'font-size': xSize,
          'text-anchor': angle === 0 ? 'middle' : 'end',
          ...(angle === 0
            ? {}
            : { transform: `rotate(${angle} ${Math.round(at + 4)} ${Math.round(box.bottom + 12)})` }),
        }),
      );
    }
  }
  if (yAxis.showticklabels !== false) {
    for (const { at, label } of y.ticks) {
      out.push(element('line', { x1: box.left - 4, y1: at, x2: box.left, y2: at, stroke }));
      out.push(
        textAt(box.left - 7, at, label, {
          'font-family': yAxis.tickfont?.family,
          'font-size': ySize,
          'text-anchor': 'end',
          'dominant-baseline': 'central',
        }),
      );
    }
  }
  const widest = (scale: Scale, font: number, shown: boolean): number =>
    shown ? scale.ticks.reduce((most, { label }) => Math.max(most, textWidth(label, font)), 0) : 0;
  if (xAxis.title) {
    const turned = angle === 0 ? 17 : 14 + widest(x, xSize, true) * Math.sin((Math.abs(angle) * Math.PI) / 180);
    out.push(
      textAt(
        (box.left + box.right) / 2,
        Math.min(size.height - 6, box.bottom + turned + 20),
        plainText(xAxis.title.text),
        { 'font-size': 12, 'text-anchor': 'middle' },
      ),
    );
  }
  if (yAxis.title) {
    const at = Math.max(13, box.left - 20 - widest(y, ySize, yAxis.showticklabels !== false));
    out.push(sideways(at, (box.top + box.bottom) / 2, plainText(yAxis.title.text)));
  }
  return out.join('');
}

/** The colour bar of a matrix, right of the plot area. */
export function drawColorbar(trace: HeatmapTrace, box: Box): string {
  const left = box.right + 16;
  const width = trace.colorbar?.thickness ?? 14;
  const height = box.bottom - box.top;
  const steps = 64;
  const out: string[] = [];
  for (let i = 0; i < steps; i++) {
    const y = box.bottom - ((i + 1) / steps) * height;
    out.push(
      element('rect', {
        x: left,
        y,
        width,
        height: height / steps + 0.4,
        fill: toHex(colorAt(trace.colorscale, (i + 0.5) / steps)),
      }),
    );
  }
  const ticks = linearTicks(trace.zmin, trace.zmax, height);
  let widest = 0;
  for (const value of ticks) {
    const at = box.bottom - ((value - trace.zmin) / (trace.zmax - trace.zmin)) * height;
    const label = String(value);
    widest = Math.max(widest, textWidth(label, 10));
    out.push(textAt(left + width + 4, at, label, { 'font-size': 10, 'dominant-baseline': 'central' }));
  }
  if (trace.colorbar)
    out.push(sideways(left + width + widest + 18, (box.top + box.bottom) / 2, plainText(trace.colorbar.title.text)));
  return out.join('');
}

/** The names of the traces, right of the plot area; those of a stack in the order one sees them, last on top. */
export function drawLegend(traces: readonly Trace[], stacked: boolean, box: Box): string {
  const ordered = stacked ? [...traces].reverse() : traces;
  const named = ordered.filter(
    (trace) => trace.type !== 'heatmap' && trace.name !== undefined && trace.showlegend !== false,
  );
  const fit = Math.max(1, Math.floor((box.bottom - box.top) / 18));
  const shown = named.length > fit ? named.slice(0, fit - 1) : named;
  const left = box.right + 18;
  const items = shown.map((trace, i) => {
    const y = box.top + 9 + i * 18;
    const color =
      trace.type === 'bar'
        ? trace.marker.color
        : trace.type === 'scatter'
          ? (trace.line ?? trace.marker)?.color
          : undefined;
    const lined = trace.type === 'scatter' && trace.mode.includes('lines');
    const sign = lined
      ? element('line', { x1: left, y1: y, x2: left + 14, y2: y, stroke: color, 'stroke-width': 3 })
      : element('rect', { x: left, y: y - 6, width: 12, height: 12, fill: color });
    return (
      sign +
      textAt(left + 20, y, shorten(plainText(trace.name ?? ''), 22), {
        'font-size': 11,
        'dominant-baseline': 'central',
      })
    );
  });
  const rest = named.length - shown.length;
  const more =
    rest > 0
      ? textAt(left, box.top + 9 + shown.length * 18, `… and ${rest} more`, {
          'font-size': 11,
          'dominant-baseline': 'central',
        })
      : '';
  return items.join('') + more;
}

/** Title, notes below it, and texts placed in the figure. */
export function drawTexts(figure: Figure, box: Box, width: number): string {
  const { title, annotations = [] } = figure.layout;
  const left = Math.round((title.x ?? 0.02) * width);
  const out = [
    textAt(left, 28, plainText(title.text), {
      'font-size': title.font?.size ?? 16,
      'font-weight': 600,
      fill: title.font?.color ?? INK,
    }),
  ];
  const notes = title.subtitle ? plainLines(title.subtitle.text) : [];
  notes.forEach((note, i) => {
    out.push(
      textAt(left, 47 + 15 * i, note, {
        'font-size': title.subtitle?.font?.size ?? 11,
        fill: title.subtitle?.font?.color ?? '#666666',
      }),
    );
  });
  for (const { text, x, y, xanchor, yanchor, font } of annotations) {
    const at = [box.left + x * (box.right - box.left), box.bottom - y * (box.bottom - box.top)];
    out.push(
      textAt(at[0], at[1] + { top: 12, middle: 4, bottom: -5 }[yanchor], plainText(text), {
        'font-size': font?.size ?? 12,
        fill: font?.color ?? INK,
        'text-anchor': { left: 'start', center: 'middle', right: 'end' }[xanchor],
      }),
    );
  }
  return out.join('');
}

/** Attributes every text inherits. */
export const TEXT_STYLE = { 'font-family': FONT_FAMILY, 'font-size': 12, fill: INK } as const;

function sideways(x: number, y: number, text: string): string {
  return textAt(x, y, text, {
    'font-size': 12,
    'text-anchor': 'middle',
    transform: `rotate(-90 ${Math.round(x)} ${Math.round(y)})`,
  });
}
