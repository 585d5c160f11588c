/**
 * The shape of a figure: the subset of plotly's JSON that Rotor draws, written as our own types.
 * A figure is plain JSON, so it can be stored, compared and drawn by plotly or by our static renderer alike.
 */

/** One number of a figure. `null` leaves a gap: JSON has no NaN and no infinity. */
export type Datum = number | null;

/** A colour scale: positions from 0 to 1 with their colours as `#rrggbb`. */
export type ColorScale = readonly (readonly [number, string])[];

/** A text with its font, as plotly writes titles. May hold `<br>`, `<b>` and escaped entities. */
export interface FigureText {
  readonly text: string;
  readonly side?: 'top' | 'right' | 'bottom';
  readonly font?: FigureFont;
  readonly subtitle?: { readonly text: string; readonly font?: FigureFont };
  readonly x?: number;
  readonly xanchor?: 'left' | 'center' | 'right';
  /** Pixels between an axis' tick labels and its title. */
  readonly standoff?: number;
}

/** A font: family, size in pixels, colour. */
export interface FigureFont {
  readonly family?: string;
  readonly size?: number;
  readonly color?: string;
}

/** Whiskers around a value: `array` above it and `arrayminus` below it, in the units of the axis. */
export interface ErrorBars {
  readonly type: 'data';
  readonly symmetric: false;
  readonly array: readonly Datum[];
  readonly arrayminus: readonly Datum[];
  readonly color?: string;
  readonly thickness?: number;
  readonly width?: number;
}

interface TraceBase {
  readonly name?: string;
  readonly showlegend?: boolean;
  readonly xaxis?: string;
  readonly yaxis?: string;
  readonly hoverinfo?: 'text' | 'skip';
  readonly hovertemplate?: string;
}

/** A matrix as coloured cells. `x` and `y` are the centres of the columns and rows. */
export interface HeatmapTrace extends TraceBase {
  readonly type: 'heatmap';
  readonly z: readonly (readonly Datum[])[];
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly zmin: number;
  readonly zmax: number;
  readonly colorscale: ColorScale;
  readonly showscale: boolean;
  readonly colorbar?: {
    readonly title: FigureText;
    readonly thickness?: number;
    readonly len?: number;
    readonly y?: number;
  };
  readonly text?: readonly (readonly string[])[];
  readonly texttemplate?: '%{text}';
  readonly textfont?: FigureFont;
  readonly hovertext?: readonly (readonly string[])[];
  readonly xgap?: number;
  readonly ygap?: number;
}

/** Upright bars at numeric positions `x`. */
export interface BarTrace extends TraceBase {
  readonly type: 'bar';
  readonly x: readonly number[];
  readonly y: readonly Datum[];
  readonly width?: number;
  readonly marker: { readonly color: string; readonly opacity?: number };
  readonly error_y?: ErrorBars;
  readonly text?: readonly string[];
  readonly textposition?: 'auto' | 'outside';
  readonly insidetextanchor?: 'middle';
  readonly hovertext?: readonly string[];
}

/** Lines, points, or both. */
export interface ScatterTrace extends TraceBase {
  readonly type: 'scatter';
  readonly mode: 'lines' | 'markers' | 'lines+markers' | 'markers+text';
  readonly x: readonly Datum[];
  readonly y: readonly Datum[];
  readonly line?: { readonly color: string; readonly width?: number; readonly dash?: 'solid' | 'dash' | 'dot' };
  readonly marker?: { readonly color: string; readonly size?: number; readonly opacity?: number };
  readonly error_y?: ErrorBars;
  readonly text?: readonly string[];
  readonly textposition?: 'top center' | 'middle right';
  readonly hovertext?: readonly string[];
}

/** Anything a figure can draw. */
export type Trace = HeatmapTrace | BarTrace | ScatterTrace;

/** An axis. Category names are `ticktext` at numeric `tickvals`, so equal names never merge. */
export interface Axis {
  readonly title?: FigureText;
  readonly type?: 'linear' | 'log';
  /** Ends of the axis; on a `log` axis their base-10 logarithms, as plotly has it. */
  readonly range?: readonly [number, number];
  readonly autorange?: 'reversed' | true;
  readonly domain?: readonly [number, number];
  readonly anchor?: string;
  readonly tickmode?: 'array';
  readonly dtick?: 'D2';
  readonly tickvals?: readonly number[];
  readonly ticktext?: readonly string[];
  readonly tickangle?: number;
  readonly tickfont?: FigureFont;
  readonly showticklabels?: boolean;
  readonly showgrid?: boolean;
  readonly gridcolor?: string;
  readonly zeroline?: boolean;
  readonly zerolinecolor?: string;
  readonly automargin?: boolean;
  readonly ticks?: 'outside' | '';
}

/** A text placed in paper coordinates, (0, 0) being the lower left and (1, 1) the upper right of the plot area. */
export interface Annotation {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly xref: 'paper';
  readonly yref: 'paper';
  readonly xanchor: 'left' | 'center' | 'right';
  readonly yanchor: 'top' | 'middle' | 'bottom';
  readonly showarrow: false;
  readonly font?: FigureFont;
}

/** Everything about a figure that is not data. Further axes are `xaxis2`, `yaxis2`, … */
export interface Layout {
  readonly title: FigureText;
  readonly height: number;
  readonly margin: { readonly l: number; readonly r: number; readonly t: number; readonly b: number };
  readonly font: FigureFont;
  readonly paper_bgcolor: string;
  readonly plot_bgcolor: string;
  readonly showlegend: boolean;
  readonly barmode?: 'group' | 'stack' | 'overlay';
  readonly bargap?: number;
  readonly hovermode: 'closest';
  readonly annotations?: readonly Annotation[];
  readonly xaxis: Axis;
  readonly yaxis: Axis;
  readonly [axis: `xaxis${number}`]: Axis;
  readonly [axis: `yaxis${number}`]: Axis;
}

/** Settings of the interactive drawing. */
export interface FigureConfig {
  readonly responsive: boolean;
  readonly displaylogo: boolean;
}

/** A finished figure: plotly JSON. */
export interface Figure {
  readonly data: readonly Trace[];
  readonly layout: Layout;
  readonly config: FigureConfig;
}

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Puts a figure together and gives it a one-line text form, so that a figure printed by itself is not a page of numbers.
 *
 * @param data - The traces, drawn in this order.
 * @param layout - Titles, axes, size.
 */
export function makeFigure(data: readonly Trace[], layout: Layout): Figure {
  const figure: Figure = { data, layout, config: { responsive: true, displaylogo: false } };
  Object.defineProperty(figure, INSPECT, { value: () => describeFigure(figure), enumerable: false });
  return figure;
}

/** A figure in one line of text: its title and what it draws. */
export function describeFigure(figure: Figure): string {
  const kinds = new Map<string, number>();
  for (const trace of figure.data) kinds.set(trace.type, (kinds.get(trace.type) ?? 0) + 1);
  const parts = [...kinds].map(([kind, count]) => (count > 1 ? `${count} ${kind} traces` : `${kind}`));
  const title = figure.layout.title.text === '' ? 'untitled' : plainText(figure.layout.title.text);
  const note = figure.layout.title.subtitle;
  return `Figure "${title}"${note ? ` (${plainText(note.text)})` : ''}: ${parts.join(', ') || 'empty'}`;
}

/** Whether a value has the form of a {@link Figure}. */
export function isFigure(value: unknown): value is Figure {
  if (typeof value !== 'object' || value === null) return false;
  const { data, layout } = value as { data?: unknown; layout?: unknown };
  return (
    Array.isArray(data) && typeof layout === 'object' && layout !== null && 'title' in layout && 'margin' in layout
  );
}

/** The lines of a plotly text without its markup: `<br>` splits, other tags vanish, entities become characters. */
export function plainLines(text: string): string[] {
  return text.split(/<br\s*\/?>/).map((line) => decodeEntities(line.replace(/<[^<>]*>/g, '')));
}

/** A plotly text as one plain line. */
export function plainText(text: string): string {
  return plainLines(text).join(' ');
}

function decodeEntities(text: string): string {
  const names: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"' };
  return text.replace(/&(lt|gt|amp|quot);/g, (_, name: string) => names[name]);
}
