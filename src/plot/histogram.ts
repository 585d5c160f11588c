import type { BarTrace, Figure } from './figure';
import { makeFigure } from './figure';
import type { NamedValues, NumericInput } from './input';
import { finiteRange, isNamedList, skippedNote, toValues } from './input';
import { formatNumber, plotlyText } from './label';
import { axisTitle, baseLayout, logAxis, seriesColor } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** Options of {@link histogram}. */
export interface HistogramOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** How many bars. Default 60. */
  readonly bins?: number;
  /** Smallest and largest value counted; by default those of the data. What lies outside is reported in the note. */
  readonly range?: readonly [number, number];
  /** Title of the x axis, with its unit. Default `value`. */
  readonly xLabel?: string;
  /** Show the share of the values in percent instead of their count. */
  readonly percent?: boolean;
  readonly logY?: boolean;
  /** Height in pixels. */
  readonly height?: number;
}

const OPTIONS = ['title', 'note', 'bins', 'range', 'xLabel', 'percent', 'logY', 'height'];

/**
 * How often values occur. Values are counted here, so the figure stays small however many there are.
 *
 * @param values numbers of any shape, or a list of named ones drawn over each other
 * @param options bins, range, titles
 * @throws OptionError for a range that is empty or a number of bins that is no positive integer
 */
export function histogram(values: NumericInput | readonly NamedValues[], options: HistogramOptions = {}): Figure {
  checkOptions('histogram', options, OPTIONS);
  const { bins = 60, percent = false } = options;
  if (!Number.isInteger(bins) || bins < 1 || bins > 4096) {
    throw new OptionError(`expected bins to be an integer from 1 to 4096, received ${bins}. Leave it out for 60.`, {
      op: 'histogram',
    });
  }
  const series = namedValues(values).map(({ name, values: v }) => ({ name, data: toValues('histogram', v).data }));
  const [low, high] = options.range ?? rangeOf(series.map(({ data }) => data));
  if (!(high > low) || !Number.isFinite(high - low)) {
    throw new OptionError(
      `expected a range [low, high] with low < high, received [${low}, ${high}]. Swap or widen it.`,
      { op: 'histogram' },
    );
  }
  const width = (high - low) / bins;
  const many = series.length > 1;
  const totals = { skipped: 0, outside: 0 };
  const traces = series.map(({ name, data }, s): BarTrace => {
    const { counts, outside } = countBins(data, low, high, bins);
    totals.outside += outside;
    totals.skipped += finiteRange(data).skipped;
    const y = Array.from(counts, (n) => (percent ? Number(((100 * n) / Math.max(1, data.length)).toPrecision(6)) : n));
    const edge = (i: number): string => formatNumber(low + i * width, 4);
    return {
      type: 'bar',
      ...(name === '' ? {} : { name: plotlyText(name) }),
      x: y.map((_, i) => Number((low + (i + 0.5) * width).toPrecision(9))),
      y,
      width: Number(width.toPrecision(9)),
      marker: { color: seriesColor(s), ...(many ? { opacity: 0.55 } : {}) },
      hoverinfo: 'text',
      hovertext: y.map((v, i) =>
        plotlyText(
          `${name === '' ? '' : `${name}\n`}${edge(i)} to ${edge(i + 1)}\n${formatNumber(v, 4)}${percent ? ' %' : ''}`,
        ),
      ),
    };
  });
  const count = series.reduce((sum, { data }) => sum + data.length, 0);
  const layout = baseLayout({
    title: plotlyText(options.title ?? `Histogram of ${count} values`),
    notes: [
      options.note && plotlyText(options.note),
      totals.outside > 0
        ? `${totals.outside} values lie outside ${formatNumber(low)} to ${formatNumber(high)}`
        : undefined,
      skippedNote(totals.skipped),
    ],
    height: options.height,
    legend: many,
    barmode: 'overlay',
    bargap: 0,
    xaxis: { ...axisTitle(plotlyText(options.xLabel ?? 'value')), zeroline: false },
    yaxis: {
      ...axisTitle(percent ? 'share of the values (%)' : 'count'),
      ...logAxis(options.logY),
    },
  });
  return makeFigure(traces, layout);
}

/** Counts finite values in equal bins from `low` to `high`, the upper end included. */
export function countBins(
  data: ArrayLike<number>,
  low: number,
  high: number,
  bins: number,
): { counts: Float64Array; outside: number } {
  const counts = new Float64Array(bins);
  let outside = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!Number.isFinite(value)) continue;
    if (value < low || value > high) outside++;
    else counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))]++;
  }
  return { counts, outside };
}

/** Values as a list of named ones; bare values get the empty name. */
export function namedValues(values: NumericInput | readonly NamedValues[]): readonly NamedValues[] {
  return isNamedList(values) ? values : [{ name: '', values }];
}

function rangeOf(all: readonly Float64Array[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const data of all) {
    const { min, max } = finiteRange(data);
    [low, high] = [Math.min(low, min), Math.max(high, max)];
  }
  if (low > high) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}
