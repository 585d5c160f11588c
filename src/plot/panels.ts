/** Several panels in one figure: their rectangles, titles and axes. */
import type { Annotation, Axis, Layout } from './figure';
import { plotlyText } from './label';
import { FONT_FAMILY, INK } from './theme';

/** Rectangles for `count` panels in a grid, first panel upper left, as axis domains. */
export function panelDomains(
  count: number,
  columns: number,
  gapX = 0.06,
  gapY = 0.1,
): { x: readonly [number, number]; y: readonly [number, number] }[] {
  const rows = Math.ceil(count / columns);
  const width = (1 - gapX * (columns - 1)) / columns;
  const height = (1 - gapY * (rows - 1)) / rows;
  const places = (i: number): number => Number(i.toFixed(4));
  return Array.from({ length: count }, (_, i) => {
    const left = (i % columns) * (width + gapX);
    const top = 1 - Math.floor(i / columns) * (height + gapY);
    return { x: [places(left), places(left + width)], y: [places(Math.max(0, top - height)), places(top)] };
  });
}

/** The title of a panel, centred above it. */
export function panelTitle(
  text: string,
  domain: { x: readonly [number, number]; y: readonly [number, number] },
): Annotation {
  return {
    text: plotlyText(text),
    x: (domain.x[0] + domain.x[1]) / 2,
    y: domain.y[1],
    xref: 'paper',
    yref: 'paper',
    xanchor: 'center',
    yanchor: 'bottom',
    showarrow: false,
    font: { family: FONT_FAMILY, size: 12, color: INK },
  };
}

/** A layout whose panels each have axes of their own: `xaxis`, `xaxis2`, … */
export function withPanels(
  layout: Layout,
  axes: readonly { x: Axis; y: Axis }[],
  annotations: readonly Annotation[],
): Layout {
  const all: Record<string, Axis> = {};
  axes.forEach(({ x, y }, i) => {
    const suffix = i === 0 ? '' : String(i + 1);
    all[`xaxis${suffix}`] = { ...layout.xaxis, ...x, anchor: `y${suffix}` };
    all[`yaxis${suffix}`] = { ...layout.yaxis, ...y, anchor: `x${suffix}` };
  });
  return { ...layout, ...all, annotations };
}
