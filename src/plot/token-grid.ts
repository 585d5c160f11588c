import type { Figure, HeatmapTrace } from './figure';
import { makeFigure } from './figure';
import { colorRange, heatmapHeight } from './heatmap';
import type { ColorChoice } from './heatmap';
import type { NumericInput } from './input';
import { checkCount, finiteRange, skippedNote, toMatrix } from './input';
import { formatNumber, labelRoom, labelTicks, plotlyText, round, shorten, tokenLabel } from './label';
import { axisTitle, baseLayout, MONO_FAMILY } from './theme';
import { ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';

/** Options of {@link tokenGrid}. */
export interface TokenGridOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Names of the columns, such as the tokens of the prompt. */
  readonly xTicks?: readonly string[];
  /** Names of the rows, such as layers. */
  readonly yTicks?: readonly string[];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** What the colour means, with its unit. Default `value`. */
  readonly zLabel?: string;
  readonly scale?: ColorChoice;
  readonly zMin?: number;
  readonly zMax?: number;
  /** More words for the hover text of each cell, [rows][columns]. */
  readonly hover?: readonly (readonly string[])[];
  /** Most columns drawn: of more, the last ones are, and the note says so. Default 32. */
  readonly maxColumns?: number;
  /** Row 0 at the bottom instead of the top. */
  readonly flip?: boolean;
  /** Height in pixels. */
  readonly height?: number;
}

const OPTIONS = [
  'title',
  'note',
  'xTicks',
  'yTicks',
  'xLabel',
  'yLabel',
  'zLabel',
  'scale',
  'zMin',
  'zMax',
  'hover',
  'maxColumns',
  'flip',
  'height',
];

/**
 * A grid of words, each on a colour: a heat-map one can read.
 *
 * @param text the words, [rows][columns]
 * @param values the numbers behind the colours, shape [rows, columns]
 * @param options titles, ticks, colours
 * @throws ShapeError when text and values differ in shape; OptionError when ticks do not match
 */
export function tokenGrid(
  text: readonly (readonly string[])[],
  values: NumericInput,
  options: TokenGridOptions = {},
): Figure {
  const op = 'tokenGrid';
  checkOptions(op, options, OPTIONS);
  const matrix = toMatrix(op, values);
  if (text.length !== matrix.rows || text.some((row) => row.length !== matrix.cols)) {
    throw new ShapeError(
      `expected texts of shape [${matrix.rows}, ${matrix.cols}] like the values, received ${text.length} rows of ${text[0]?.length ?? 0}. Give one text per value.`,
      { op },
    );
  }
  if (options.xTicks) checkCount(op, 'xTicks', options.xTicks.length, matrix.cols, 'columns');
  if (options.yTicks) checkCount(op, 'yTicks', options.yTicks.length, matrix.rows, 'rows');
  const shown = Math.min(matrix.cols, Math.max(1, options.maxColumns ?? 32));
  const first = matrix.cols - shown;
  const columns = Array.from({ length: shown }, (_, j) => first + j);
  const rows = Array.from({ length: matrix.rows }, (_, i) => i);
  const value = (i: number, j: number): number => matrix.data[i * matrix.cols + j];
  const room = Math.max(3, Math.min(14, Math.floor(96 / Math.max(1, shown))));
  const words = (i: number, j: number): string =>
    [
      `${options.yLabel ?? 'row'} ${options.yTicks?.[i] ?? i}`,
      `${options.xLabel ?? 'column'} ${j}${options.xTicks ? `: ${tokenLabel(options.xTicks[j])}` : ''}`,
      `${tokenLabel(text[i][j], 60)}   ${options.zLabel ?? 'value'} ${formatNumber(value(i, j), 4)}`,
      ...(options.hover?.[i]?.[j] ? [options.hover[i][j]] : []),
    ].join('\n');
  const trace: HeatmapTrace = {
    type: 'heatmap',
    z: rows.map((i) => columns.map((j) => round(value(i, j), 5))),
    x: columns,
    y: rows,
    ...colorRange(matrix.data, options),
    showscale: true,
    colorbar: { title: { text: plotlyText(options.zLabel ?? 'value'), side: 'right' }, thickness: 14 },
    text: rows.map((i) => columns.map((j) => plotlyText(tokenLabel(text[i][j], room)))),
    texttemplate: '%{text}',
    textfont: { family: MONO_FAMILY, size: shown > 20 ? 9 : 11 },
    hoverinfo: 'text',
    hovertext: rows.map((i) => columns.map((j) => plotlyText(words(i, j)))),
    xgap: 1,
    ygap: 1,
  };
  const xTicks = options.xTicks?.slice(first).map((name) => tokenLabel(name, room + 2));
  const labels = xTicks ? labelTicks(xTicks, { turn: true, mono: true }) : {};
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Tokens'),
    notes: [
      options.note && plotlyText(options.note),
      first > 0 ? `${matrix.cols} columns, the last ${shown} drawn` : undefined,
      skippedNote(finiteRange(matrix.data).skipped),
    ],
    height: options.height ?? heatmapHeight(matrix.rows),
    margin: { l: options.yTicks ? labelRoom(options.yTicks) : 70, r: 110, ...(xTicks ? { b: 100 } : {}) },
    xaxis: {
      ...axisTitle(options.xLabel && plotlyText(options.xLabel)),
      showgrid: false,
      zeroline: false,
      ...(labels.tickvals ? { ...labels, tickvals: labels.tickvals.map((v) => v + first) } : {}),
    },
    yaxis: {
      ...axisTitle(options.yLabel && plotlyText(options.yLabel)),
      showgrid: false,
      zeroline: false,
      ...(options.flip ? {} : { autorange: 'reversed' as const }),
      ...(options.yTicks ? labelTicks(options.yTicks.map((name) => shorten(name, 24))) : {}),
    },
  });
  return makeFigure([trace], layout);
}
