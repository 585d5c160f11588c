/** A figure as a static picture: the fallback wherever no script runs, and a file that needs no browser. */
import type { Axis, Figure, Layout, Trace } from '../figure';
import { describeFigure } from '../figure';
import { OptionError } from '../../native/errors';
import { checkOptions } from '../../native/options';
import type { Box } from './axes';
import { drawAxes, drawColorbar, drawGrid, drawLegend, drawTexts, TEXT_STYLE } from './axes';
import { isHeatmap, panelExtent } from './extent';
import { drawBars, drawHeatmap, drawScatter } from './marks';
import { makeScale } from './scale';
import { element, escapeXml } from './xml';

/** Options of {@link toSvg}. */
export interface SvgOptions {
  /** Width in pixels. Default 820. */
  readonly width?: number;
  /** Height in pixels. Default: the height of the figure. */
  readonly height?: number;
}

/**
 * Draws a figure as SVG.
 *
 * @param figure a figure of this library
 * @param options size
 * @returns a complete SVG document; the same figure always gives the same text
 * @throws OptionError for a size below 100 pixels
 */
export function toSvg(figure: Figure, options: SvgOptions = {}): string {
  checkOptions('toSvg', options, ['width', 'height']);
  const { width = 820, height = figure.layout.height } = options;
  if (!(width >= 100 && height >= 100)) {
    throw new OptionError(
      `expected a width and height of at least 100 pixels, received ${width} × ${height}. Enlarge them.`,
      { op: 'toSvg' },
    );
  }
  const { l, r, t, b } = figure.layout.margin;
  const area: Box = { left: l, top: t, right: Math.max(l + 20, width - r), bottom: Math.max(t + 20, height - b) };
  const panels = groupByAxes(figure.data);
  const drawn = [...panels].map(([key, traces]) => drawPanel(figure.layout, key, traces, area, { width, height }));
  const bar = figure.data.filter(isHeatmap).find((trace) => trace.showscale);
  const parts = [
    element('title', {}, escapeXml(describeFigure(figure))),
    element('rect', { x: 0, y: 0, width, height, fill: figure.layout.paper_bgcolor }),
    ...drawn,
    bar ? drawColorbar(bar, area) : '',
    figure.layout.showlegend ? drawLegend(figure.data, figure.layout.barmode === 'stack', area) : '',
    drawTexts(figure, area, width),
  ];
  const root = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    ...TEXT_STYLE,
  };
  return element('svg', root, parts.join(''));
}

function groupByAxes(traces: readonly Trace[]): Map<string, Trace[]> {
  const panels = new Map<string, Trace[]>();
  for (const trace of traces) {
    const key = (trace.xaxis ?? 'x').slice(1);
    panels.set(key, [...(panels.get(key) ?? []), trace]);
  }
  return panels;
}

function drawPanel(
  layout: Layout,
  key: string,
  traces: readonly Trace[],
  area: Box,
  size: { width: number; height: number },
): string {
  const xAxis = axisOf(layout, 'x', key);
  const yAxis = axisOf(layout, 'y', key);
  const [x0, x1] = xAxis.domain ?? [0, 1];
  const [y0, y1] = yAxis.domain ?? [0, 1];
  const [w, h] = [area.right - area.left, area.bottom - area.top];
  const box: Box = {
    left: area.left + x0 * w,
    right: area.left + x1 * w,
    top: area.bottom - y1 * h,
    bottom: area.bottom - y0 * h,
  };
  const extent = panelExtent(traces, layout.barmode, xAxis.type === 'log', yAxis.type === 'log');
  const x = makeScale(xAxis, extent.x, box.left, box.right);
  const y = makeScale(yAxis, extent.y, box.bottom, box.top);
  const bars = traces.filter((trace) => trace.type === 'bar');
  const base = new Map<number, number>();
  const marks = traces.map((trace) => {
    if (trace.type === 'heatmap') return drawHeatmap(trace, x, y);
    if (trace.type === 'scatter') return drawScatter(trace, x, y);
    const stacked = layout.barmode === 'stack';
    const drawn = drawBars(trace, x, y, layout, {
      index: bars.indexOf(trace),
      count: bars.length,
      ...(stacked ? { base } : {}),
    });
    if (stacked) trace.x.forEach((at, i) => base.set(at, (base.get(at) ?? 0) + (trace.y[i] ?? 0)));
    return drawn;
  });
  const clip = `panel${key}`;
  const frame = element('rect', {
    x: box.left - 1,
    y: box.top - 14,
    width: box.right - box.left + 2,
    height: box.bottom - box.top + 15,
  });
  return [
    element('clipPath', { id: clip }, frame),
    drawGrid(box, xAxis, yAxis, x, y),
    element('g', { 'clip-path': `url(#${clip})` }, marks.join('')),
    drawAxes(box, xAxis, yAxis, x, y, size),
  ].join('');
}

function axisOf(layout: Layout, letter: 'x' | 'y', key: string): Axis {
  const all = layout as unknown as Readonly<Record<string, Axis | undefined>>;
  return all[`${letter}axis${key}`] ?? {};
}
