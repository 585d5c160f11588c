/** Colours, fonts and the common layout of all figures: one look, readable by colour-blind people. */
import type { Axis, ColorScale, FigureText, Layout } from './figure';

/** Font of titles and axes. */
export const FONT_FAMILY = 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
/** Font of tokens and bits. */
export const MONO_FAMILY = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
/** Colour of texts. */
export const INK = '#222222';
/** Colour of notes below a title. */
export const FAINT = '#666666';
/** Colour of grid lines. */
export const GRID = '#e6e6e6';

/** Colours of series that mean different things: Okabe and Ito's palette, distinct under every common colour blindness. */
export const PALETTE: readonly string[] = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#E69F00',
  '#56B4E9',
  '#555555',
  '#8C6D31',
];

/** Colours of the three weights of a ternary matrix, in the order -1, 0, +1. */
export const TRIT_COLORS: readonly [string, string, string] = ['#B2182B', '#BDBDBD', '#2166AC'];

/** Signed values: red below zero, white at zero, blue above (ColorBrewer RdBu, safe for colour-blind people). */
export const DIVERGING: ColorScale = [
  [0, '#67001f'],
  [0.1, '#b2182b'],
  [0.2, '#d6604d'],
  [0.3, '#f4a582'],
  [0.4, '#fddbc7'],
  [0.5, '#f7f7f7'],
  [0.6, '#d1e5f0'],
  [0.7, '#92c5de'],
  [0.8, '#4393c3'],
  [0.9, '#2166ac'],
  [1, '#053061'],
];

/** Values without a sign: from white to dark blue (ColorBrewer Blues). */
export const SEQUENTIAL: ColorScale = [
  [0, '#f7fbff'],
  [0.125, '#deebf7'],
  [0.25, '#c6dbef'],
  [0.375, '#9ecae1'],
  [0.5, '#6baed6'],
  [0.625, '#4292c6'],
  [0.75, '#2171b5'],
  [0.875, '#08519c'],
  [1, '#08306b'],
];

/** The colour of series number `index`; the palette starts over after its end. */
export function seriesColor(index: number): string {
  return PALETTE[index % PALETTE.length];
}

/** What {@link baseLayout} needs to know. */
export interface LayoutParts {
  readonly title: string;
  /** Notes printed below the title, such as what was averaged or left out. */
  readonly notes?: readonly (string | undefined)[];
  readonly xaxis?: Axis;
  readonly yaxis?: Axis;
  readonly height?: number;
  readonly legend?: boolean;
  /** Room above the plot area for the titles of panels. */
  readonly panelTitles?: boolean;
  readonly margin?: Partial<Layout['margin']>;
  readonly barmode?: Layout['barmode'];
  readonly bargap?: number;
}

/** The layout all figures share. Titles and notes must already be escaped (see `plotlyText`). */
export function baseLayout(parts: LayoutParts): Layout {
  const notes = (parts.notes ?? []).filter((note): note is string => note !== undefined && note !== '');
  const note = notes.join('<br>');
  return {
    title: titleText(parts.title, note),
    height: parts.height ?? 420,
    margin: {
      l: 70,
      r: parts.legend ? 170 : 30,
      t: (note === '' ? 56 : 66 + 15 * note.split('<br>').length) + (parts.panelTitles ? 16 : 0),
      b: 64,
      ...parts.margin,
    },
    font: { family: FONT_FAMILY, size: 12, color: INK },
    paper_bgcolor: '#ffffff',
    plot_bgcolor: '#ffffff',
    showlegend: parts.legend ?? false,
    ...(parts.barmode ? { barmode: parts.barmode } : {}),
    ...(parts.bargap === undefined ? {} : { bargap: parts.bargap }),
    hovermode: 'closest',
    xaxis: baseAxis(parts.xaxis),
    yaxis: baseAxis(parts.yaxis),
  };
}

/** An axis in the common look. */
export function baseAxis(axis: Axis = {}): Axis {
  return { gridcolor: GRID, zerolinecolor: '#bbbbbb', automargin: true, ticks: 'outside', ...axis };
}

/** A logarithmic axis with ticks at 1, 2 and 5 of every decade; nothing when `log` is off. */
export function logAxis(log: boolean | undefined): Axis {
  return log ? { type: 'log', dtick: 'D2' } : {};
}

/** The title of an axis, or nothing when there is no text. */
export function axisTitle(text: string | undefined): { title?: FigureText } {
  return text === undefined || text === '' ? {} : { title: { text, standoff: 12 } };
}

function titleText(text: string, note: string): FigureText {
  const title: FigureText = { text, font: { size: 16, color: INK }, x: 0.02, xanchor: 'left' };
  return note === '' ? title : { ...title, subtitle: { text: note, font: { size: 11, color: FAINT } } };
}
