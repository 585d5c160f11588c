import type { Axis, Figure, ScatterTrace } from './figure';
import { makeFigure } from './figure';
import type { NamedValues, NumericInput } from './input';
import { checkCount, finiteRange, isNamedList, skippedNote, toSeries, toVector } from './input';
import { labelTicks, plotlyText, round } from './label';
import { everyKth, shrinkLine } from './reduce';
import { axisTitle, baseLayout, logAxis, seriesColor } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** A line with its own x values. */
export interface LineSeries extends NamedValues {
  readonly x?: NumericInput;
  readonly dash?: 'solid' | 'dash' | 'dot';
}

/** Options of {@link line}. */
export interface LineOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** x of every point; by default 0, 1, 2, … */
  readonly x?: NumericInput;
  /** Names of the x positions 0, 1, 2, …, instead of numbers. */
  readonly xTicks?: readonly string[];
  /** Names of the rows when the values are a matrix. */
  readonly names?: readonly string[];
  /** Title of the x axis, with its unit. Default `index`. */
  readonly xLabel?: string;
  /** Title of the y axis, with its unit. Default `value`. */
  readonly yLabel?: string;
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Mark the points. Default: when a line has at most 64. */
  readonly markers?: boolean;
  /** Most points drawn per line; of more, the smallest and largest of each stretch are. Default 2000. */
  readonly maxPoints?: number;
  /** Height in pixels. */
  readonly height?: number;
}

const LINE_OPTIONS = [
  'title',
  'note',
  'x',
  'xTicks',
  'names',
  'xLabel',
  'yLabel',
  'logX',
  'logY',
  'markers',
  'maxPoints',
  'height',
];

/**
 * Lines.
 *
 * @param values a vector (one line), a matrix (a line per row), or a list of named series
 * @param options titles, axes, x values
 * @throws OptionError when x and y differ in length or an option is unknown
 */
export function line(values: NumericInput | readonly LineSeries[], options: LineOptions = {}): Figure {
  checkOptions('line', options, LINE_OPTIONS);
  const series = toSeries('line', values, options.names);
  const given: readonly LineSeries[] = isNamedList(values) ? values : [];
  const { maxPoints = 2000 } = options;
  const shared = options.x === undefined ? undefined : toVector('line', options.x);
  const notes = new Set<string | undefined>();
  let skipped = 0;
  const traces = series.map(({ name, values: y }, s): ScatterTrace => {
    const own = given[s]?.x;
    const x = own === undefined ? (shared ?? Float64Array.from(y, (_, i) => i)) : toVector('line', own);
    checkCount('line', 'x', x.length, y.length, 'points');
    const drawn = shrinkLine(x, y, maxPoints);
    notes.add(drawn.note);
    skipped += finiteRange(y).skipped;
    const marked = options.markers ?? drawn.x.length <= 64;
    return {
      type: 'scatter',
      mode: marked ? 'lines+markers' : 'lines',
      ...(name === '' ? {} : { name: plotlyText(name) }),
      x: drawn.x.map((v) => round(v)),
      y: drawn.y.map((v) => round(v)),
      line: { color: seriesColor(s), width: 2, ...(given[s]?.dash ? { dash: given[s].dash } : {}) },
      ...(marked ? { marker: { color: seriesColor(s), size: 6 } } : {}),
      hovertemplate: `${plotlyText(options.xLabel ?? 'index')} %{x}<br>${plotlyText(options.yLabel ?? 'value')} %{y:.5~g}<extra>${plotlyText(name)}</extra>`,
    };
  });
  // A short line over 0, 1, 2, … is about places: no ticks in between.
  const plainX = shared === undefined && given.every((one) => one.x === undefined);
  const longest = series.reduce((most, one) => Math.max(most, one.values.length), 0);
  const ticks =
    options.xTicks ?? (plainX && longest <= 48 ? Array.from({ length: longest }, (_, i) => String(i)) : undefined);
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Lines'),
    notes: [options.note && plotlyText(options.note), ...notes, skippedNote(skipped)],
    height: options.height,
    legend: series.length > 1,
    ...(options.xTicks ? { margin: { b: 90 } } : {}),
    xaxis: {
      ...numericAxis(options.xLabel ?? 'index', options.logX),
      ...(ticks ? labelTicks(ticks, { turn: true }) : {}),
    },
    yaxis: numericAxis(options.yLabel ?? 'value', options.logY),
  });
  return makeFigure(traces, layout);
}

/** Options of {@link scatter}. */
export interface ScatterOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Title of the x axis, with its unit. Default `x`. */
  readonly xLabel?: string;
  /** Title of the y axis, with its unit. Default `y`. */
  readonly yLabel?: string;
  /** A text for each point, shown on hover. */
  readonly labels?: readonly string[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Most points drawn; of more, every k-th is. Default 5000. */
  readonly maxPoints?: number;
  /** Height in pixels. */
  readonly height?: number;
}

const SCATTER_OPTIONS = ['title', 'note', 'xLabel', 'yLabel', 'labels', 'logX', 'logY', 'maxPoints', 'height'];

/**
 * Points.
 *
 * @param x shape [N]
 * @param y shape [N]
 * @param options titles, axes, labels
 * @throws OptionError when x, y and labels differ in length or an option is unknown
 */
export function scatter(x: NumericInput, y: NumericInput, options: ScatterOptions = {}): Figure {
  checkOptions('scatter', options, SCATTER_OPTIONS);
  const [xs, ys] = [toVector('scatter', x), toVector('scatter', y)];
  checkCount('scatter', 'y values', ys.length, xs.length, 'x values');
  if (options.labels) checkCount('scatter', 'labels', options.labels.length, xs.length, 'points');
  const { maxPoints = 5000 } = options;
  if (!(maxPoints >= 1)) {
    throw new OptionError(`expected maxPoints of at least 1, received ${maxPoints}. Leave it out for 5000.`, {
      op: 'scatter',
    });
  }
  const { indices, note } = everyKth(xs.length, maxPoints);
  const words = `${plotlyText(options.xLabel ?? 'x')} %{x:.5~g}<br>${plotlyText(options.yLabel ?? 'y')} %{y:.5~g}`;
  const trace: ScatterTrace = {
    type: 'scatter',
    mode: 'markers',
    x: indices.map((i) => round(xs[i])),
    y: indices.map((i) => round(ys[i])),
    marker: { color: seriesColor(0), size: 6, opacity: indices.length > 300 ? 0.5 : 0.85 },
    ...(options.labels ? { hovertext: indices.map((i) => plotlyText(options.labels?.[i] ?? '')) } : {}),
    hovertemplate: `${options.labels ? '%{hovertext}<br>' : ''}${words}<extra></extra>`,
  };
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Points'),
    notes: [
      options.note && plotlyText(options.note),
      note,
      skippedNote(finiteRange(xs).skipped + finiteRange(ys).skipped),
    ],
    height: options.height,
    xaxis: numericAxis(options.xLabel ?? 'x', options.logX),
    yaxis: numericAxis(options.yLabel ?? 'y', options.logY),
  });
  return makeFigure([trace], layout);
}

/** An axis of numbers with its title, linear or logarithmic. */
export function numericAxis(label: string, log: boolean | undefined): Axis {
  return { ...axisTitle(plotlyText(label)), ...logAxis(log) };
}
