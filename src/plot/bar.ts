import type { BarTrace, ErrorBars, Figure } from './figure';
import { makeFigure } from './figure';
import type { NamedValues, NumericInput } from './input';
import { checkCount, finiteRange, isNamedList, skippedNote, toSeries, toVector } from './input';
import { formatNumber, labelTicks, plotlyText, round } from './label';
import { axisTitle, baseLayout, logAxis, seriesColor } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** One set of bars; `low` and `high` are the ends of an interval around each value. */
export interface BarSeries extends NamedValues {
  readonly low?: NumericInput;
  readonly high?: NumericInput;
  /** Colour as `#rrggbb`; by default the next of the palette. */
  readonly color?: string;
}

/** Options of {@link bar}. */
export interface BarOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Names of the bars, one each. */
  readonly labels?: readonly string[];
  /** Names of the rows when the values are a matrix. */
  readonly names?: readonly string[];
  readonly xLabel?: string;
  /** Title of the y axis, with its unit. Default `value`. */
  readonly yLabel?: string;
  /** Several series side by side or on top of each other. Default `group`. */
  readonly mode?: 'group' | 'stack';
  /** Print each value on its bar. Default: when there are at most 24 bars. */
  readonly values?: boolean;
  readonly logY?: boolean;
  /** Height in pixels. */
  readonly height?: number;
}

/** Most bars of one series that are drawn one by one. */
const MOST_BARS = 600;

const OPTIONS = ['title', 'note', 'labels', 'names', 'xLabel', 'yLabel', 'mode', 'values', 'logY', 'height'];

/**
 * Bars.
 *
 * @param values a vector (one series), a matrix (one series per row), or a list of named series with optional intervals
 * @param options titles, names, grouping
 * @throws OptionError when series differ in length, labels do not match, or there are more than 600 bars in a series
 */
export function bar(values: NumericInput | readonly BarSeries[], options: BarOptions = {}): Figure {
  checkOptions('bar', options, OPTIONS);
  return drawBars(values, options, { holes: false });
}

/** The work of {@link bar}. With `holes`, NaN means that there is no such bar, and nothing is said about it. */
export function drawBars(
  values: NumericInput | readonly BarSeries[],
  options: BarOptions,
  { holes }: { holes: boolean },
): Figure {
  const series = toSeries('bar', values, options.names);
  const given: readonly BarSeries[] = isNamedList(values) ? values : [];
  const count = series[0]?.values.length ?? 0;
  for (const one of series) checkCount('bar', 'values', one.values.length, count, 'bars of the first series');
  if (options.labels) checkCount('bar', 'labels', options.labels.length, count, 'bars');
  if (count > MOST_BARS) {
    throw new OptionError(
      `expected at most ${MOST_BARS} bars, received ${count}. Draw a histogram or a line instead.`,
      {
        op: 'bar',
        details: { count },
      },
    );
  }
  const many = series.length > 1;
  const printed = options.values ?? (count * series.length <= 24 && options.mode !== 'stack');
  let skipped = 0;
  const traces = series.map(({ name, values: y }, s): BarTrace => {
    skipped += holes ? 0 : finiteRange(y).skipped;
    const { low, high, color } = given[s] ?? {};
    const interval = low !== undefined && high !== undefined ? intervalOf(y, low, high) : undefined;
    const label = (i: number): string => options.labels?.[i] ?? String(i);
    const head = (i: number): string => [name, label(i)].filter((part) => part !== '').join(', ');
    return {
      type: 'bar',
      ...(name === '' ? {} : { name: plotlyText(name) }),
      x: Array.from(y, (_, i) => i),
      y: Array.from(y, (v) => round(v)),
      marker: { color: color ?? seriesColor(s) },
      ...(interval ? { error_y: interval.bars } : {}),
      ...(printed
        ? {
            text: Array.from(y, (v) => (Number.isNaN(v) ? '' : formatNumber(v, 3))),
            ...(interval
              ? { textposition: 'auto' as const, insidetextanchor: 'middle' as const }
              : { textposition: 'outside' as const }),
          }
        : {}),
      hoverinfo: 'text',
      hovertext: Array.from(y, (v, i) => plotlyText(`${head(i)}\n${formatNumber(v, 5)}${interval?.words[i] ?? ''}`)),
    };
  });
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Bars'),
    notes: [options.note && plotlyText(options.note), skippedNote(skipped)],
    height: options.height,
    legend: many,
    barmode: options.mode ?? 'group',
    bargap: 0.25,
    margin: options.labels ? { b: 90 } : {},
    xaxis: {
      ...axisTitle(options.xLabel && plotlyText(options.xLabel)),
      showgrid: false,
      zeroline: false,
      ...labelTicks(options.labels ?? Array.from({ length: count }, (_, i) => String(i)), { turn: true }),
    },
    yaxis: { ...axisTitle(plotlyText(options.yLabel ?? 'value')), ...logAxis(options.logY) },
  });
  return makeFigure(traces, layout);
}

function intervalOf(y: Float64Array, low: NumericInput, high: NumericInput): { bars: ErrorBars; words: string[] } {
  const [below, above] = [toVector('bar', low), toVector('bar', high)];
  checkCount('bar', 'low', below.length, y.length, 'bars');
  checkCount('bar', 'high', above.length, y.length, 'bars');
  return {
    bars: errorBars(y, below, above),
    words: Array.from(y, (_, i) => `\nfrom ${formatNumber(below[i], 5)} to ${formatNumber(above[i], 5)}`),
  };
}

/** Whiskers from `low` to `high` around `y`, all in axis units. */
export function errorBars(y: Float64Array, low: Float64Array, high: Float64Array): ErrorBars {
  return {
    type: 'data',
    symmetric: false,
    array: Array.from(y, (v, i) => round(high[i] - v)),
    arrayminus: Array.from(y, (v, i) => round(v - low[i])),
    color: '#444444',
    thickness: 1.2,
    width: 4,
  };
}
