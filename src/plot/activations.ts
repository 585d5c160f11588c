import type { BarTrace, Figure, ScatterTrace } from './figure';
import { makeFigure } from './figure';
import { errorBars } from './bar';
import { namedValues } from './histogram';
import type { NamedValues, NumericInput } from './input';
import { checkCount, isTensorLike, toMatrix, toValues } from './input';
import { formatPercent, labelTicks, plotlyText, round, tokenLabel } from './label';
import { axisTitle, baseLayout, logAxis, seriesColor } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** Options of {@link activationHistogram}. */
export interface ActivationHistogramOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  readonly logY?: boolean;
  /** Height in pixels. */
  readonly height?: number;
}

/**
 * How often each of the 256 int8 codes occurs among quantised activations. The note gives the share of zeros and of
 * codes at the ends, ±127 and −128.
 *
 * @param codes int8 codes of any shape, such as `cache.get('blocks.0.attn.q.hook_in_q8')`, or a list of named ones
 * @throws OptionError when a value is no integer from -128 to 127
 */
export function activationHistogram(
  codes: NumericInput | readonly NamedValues[],
  options: ActivationHistogramOptions = {},
): Figure {
  const op = 'activationHistogram';
  checkOptions(op, options, ['title', 'note', 'logY', 'height']);
  const series = namedValues(codes).map(({ name, values }) => ({ name, ...countCodes(op, toValues(op, values).data) }));
  const many = series.length > 1;
  const traces = series.map(({ name, counts, total }, s): BarTrace => {
    const share = Array.from(counts, (n) => Number(((100 * n) / Math.max(1, total)).toPrecision(6)));
    return {
      type: 'bar',
      ...(name === '' ? {} : { name: plotlyText(name) }),
      x: share.map((_, i) => i - 128),
      y: share,
      width: 1,
      marker: { color: seriesColor(s), ...(many ? { opacity: 0.5 } : {}) },
      hoverinfo: 'text',
      hovertext: share.map((v, i) =>
        plotlyText(`${name === '' ? '' : `${name}\n`}code ${i - 128}\n${counts[i]} of ${total} (${v.toFixed(3)} %)`),
      ),
    };
  });
  const notes = series.map(({ name, counts, total }) => {
    const ends = counts[0] + counts[1] + counts[255];
    const share = (n: number): string => formatPercent(n / Math.max(1, total), 2);
    return plotlyText(
      `${name === '' ? '' : `${name}: `}${total} codes, ${share(counts[128])} zero, ${share(ends)} at the ends`,
    );
  });
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Int8 activations'),
    notes: [options.note && plotlyText(options.note), ...notes.slice(0, 4)],
    height: options.height,
    legend: many,
    barmode: 'overlay',
    bargap: 0,
    xaxis: { ...axisTitle('int8 code'), zeroline: false, range: [-129, 128] },
    yaxis: { ...axisTitle('share of the codes (%)'), ...logAxis(options.logY) },
  });
  return makeFigure(traces, layout);
}

function countCodes(op: string, data: Float64Array): { counts: Float64Array; total: number } {
  const counts = new Float64Array(256);
  for (const code of data) {
    if (!Number.isInteger(code) || code < -128 || code > 127) {
      throw new OptionError(`expected int8 codes from -128 to 127, received ${code}. Use histogram for other values.`, {
        op,
      });
    }
    counts[code + 128]++;
  }
  return { counts, total: data.length };
}

/** Options of {@link residualNorms}. */
export interface ResidualNormsOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Names of the places in the stream, first to last. */
  readonly names?: readonly string[];
  /** Texts of the tokens: up to 12 tokens get a line each. */
  readonly tokens?: readonly string[];
  /** Title of the y axis, with its unit. Default `L2 norm`. */
  readonly yLabel?: string;
  /** Logarithmic y axis. Default true: norms grow by orders of magnitude. */
  readonly logY?: boolean;
  /** Height in pixels. */
  readonly height?: number;
}

/** Tokens beyond this many are shown as a mean with the range around it. */
const MOST_LINES = 12;

/**
 * How the residual stream grows: the L2 norm of every token's vector at each place of the stream. Up to 12 tokens are
 * drawn as a line each; more as their mean, with whiskers from the smallest to the largest.
 *
 * @param residuals a list of residual streams, each of shape [T, width], first layer first; or finished norms, shape [places, T]
 * @throws ShapeError or OptionError when the tensors differ in the number of tokens or names do not match
 */
export function residualNorms(
  residuals: readonly NumericInput[] | NumericInput,
  options: ResidualNormsOptions = {},
): Figure {
  const op = 'residualNorms';
  checkOptions(op, options, ['title', 'note', 'names', 'tokens', 'yLabel', 'logY', 'height']);
  const norms = isTensorList(residuals)
    ? residuals.map((one) => rowNorms(op, one))
    : matrixRowsOf(op, residuals as NumericInput);
  const places = norms.length;
  const tokens = norms[0]?.length ?? 0;
  for (const row of norms) checkCount(op, 'tokens in each tensor', row.length, tokens, 'tokens of the first');
  if (options.names) checkCount(op, 'names', options.names.length, places, 'places');
  if (options.tokens) checkCount(op, 'tokens', options.tokens.length, tokens, 'tokens');
  const x = Array.from({ length: places }, (_, i) => i);
  const placeName = (i: number): string => options.names?.[i] ?? `place ${i}`;
  const yLabel = options.yLabel ?? 'L2 norm';
  const lineOf = (name: string, y: Float64Array, s: number, extra: Partial<ScatterTrace> = {}): ScatterTrace => ({
    type: 'scatter',
    mode: places > 64 ? 'lines' : 'lines+markers',
    name: plotlyText(name),
    x,
    y: Array.from(y, (v) => round(v)),
    line: { color: seriesColor(s), width: 2 },
    ...(places > 64 ? {} : { marker: { color: seriesColor(s), size: 5 } }),
    hoverinfo: 'text',
    hovertext: Array.from(y, (v, i) => plotlyText(`${name}\n${placeName(i)}\n${yLabel} ${v.toPrecision(5)}`)),
    ...extra,
  });
  const each = tokens <= MOST_LINES;
  const traces = each
    ? Array.from({ length: tokens }, (_, t) =>
        lineOf(
          options.tokens ? `${t}: ${tokenLabel(options.tokens[t], 14)}` : `token ${t}`,
          Float64Array.from(norms, (row) => row[t]),
          t,
        ),
      )
    : [meanLine(norms, lineOf)];
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Residual stream'),
    notes: [
      options.note && plotlyText(options.note),
      each ? undefined : `mean over ${tokens} tokens; whiskers from the smallest to the largest`,
    ],
    height: options.height,
    legend: each && tokens > 1,
    ...(options.names ? { margin: { b: 110 } } : {}),
    xaxis: {
      ...axisTitle('place in the residual stream'),
      ...labelTicks(options.names ?? x.map(String), { turn: true }),
    },
    yaxis: { ...axisTitle(plotlyText(yLabel)), ...logAxis(options.logY ?? true) },
  });
  return makeFigure(traces, layout);
}

function meanLine(
  norms: readonly Float64Array[],
  lineOf: (name: string, y: Float64Array, s: number, extra: Partial<ScatterTrace>) => ScatterTrace,
): ScatterTrace {
  const of = (pick: (row: Float64Array) => number): Float64Array => Float64Array.from(norms, pick);
  const mean = of((row) => row.reduce((a, b) => a + b, 0) / row.length);
  const low = of((row) => row.reduce((a, b) => Math.min(a, b), Infinity));
  const high = of((row) => row.reduce((a, b) => Math.max(a, b), -Infinity));
  return lineOf('mean', mean, 0, { error_y: errorBars(mean, low, high) });
}

function rowNorms(op: string, tensor: NumericInput): Float64Array {
  const { rows, cols, data } = toMatrix(op, tensor);
  return Float64Array.from({ length: rows }, (_, t) => {
    let sum = 0;
    for (let c = t * cols; c < (t + 1) * cols; c++) sum += data[c] * data[c];
    return Math.sqrt(sum);
  });
}

function matrixRowsOf(op: string, norms: NumericInput): Float64Array[] {
  const { rows, cols, data } = toMatrix(op, norms);
  return Array.from({ length: rows }, (_, i) => data.subarray(i * cols, (i + 1) * cols));
}

function isTensorList(value: readonly NumericInput[] | NumericInput): value is readonly NumericInput[] {
  if (!Array.isArray(value)) return false;
  const first: unknown = value[0];
  // [[…], …] are norms; [[[…]], …] and lists of tensors are residual streams.
  return isTensorLike(first) || (Array.isArray(first) && Array.isArray(first[0]));
}
