import type { Axis, Figure, HeatmapTrace } from './figure';
import { makeFigure } from './figure';
import type { NumericInput } from './input';
import { checkCount, finiteRange, skippedNote, toMatrix } from './input';
import { formatNumber, labelRoom, labelTicks, plotlyText, round } from './label';
import type { Reduction, Shrunk } from './reduce';
import { shrinkMatrix } from './reduce';
import { axisTitle, baseLayout, DIVERGING, MONO_FAMILY, SEQUENTIAL } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** Which colours a matrix gets: red-white-blue around zero, or white to blue. `auto` looks for negative values. */
export type ColorChoice = 'auto' | 'diverging' | 'sequential';

/** Options of {@link heatmap}. */
export interface HeatmapOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Title of the x axis, with its unit. Default `column`. */
  readonly xLabel?: string;
  /** Title of the y axis, with its unit. Default `row`. */
  readonly yLabel?: string;
  /** Title of the colour bar, with its unit. Default `value`. */
  readonly zLabel?: string;
  /** Names of the columns, one each. */
  readonly xTicks?: readonly string[];
  /** Names of the rows, one each. */
  readonly yTicks?: readonly string[];
  readonly scale?: ColorChoice;
  /** Value of the lowest colour; by default the smallest value, or minus the largest magnitude for a diverging scale. */
  readonly zMin?: number;
  /** Value of the highest colour. */
  readonly zMax?: number;
  /** Most cells drawn along either axis; larger matrices are joined in blocks, and the note says so. Default 200. */
  readonly maxCells?: number;
  /** How blocks are joined. Default `mean`. */
  readonly reduce?: Reduction;
  /** Print the value in each cell. Default: when there are at most 150 cells. */
  readonly values?: boolean;
  /** Row 0 at the bottom instead of the top. */
  readonly flip?: boolean;
  /** Height in pixels. */
  readonly height?: number;
}

const OPTIONS = [
  'title',
  'note',
  'xLabel',
  'yLabel',
  'zLabel',
  'xTicks',
  'yTicks',
  'scale',
  'zMin',
  'zMax',
  'maxCells',
  'reduce',
  'values',
  'flip',
  'height',
];

/**
 * A matrix as coloured cells. Values of both signs get red-white-blue with white at exactly zero; others white to blue.
 *
 * @param values shape [rows, cols]; a vector is drawn as one row
 * @param options titles, ticks, colours
 * @returns a figure whose hover text gives row, column and value
 * @throws ShapeError if the values are no matrix; OptionError for unknown options or a wrong number of ticks
 */
export function heatmap(values: NumericInput, options: HeatmapOptions = {}): Figure {
  checkOptions('heatmap', options, OPTIONS);
  const matrix = toMatrix('heatmap', values);
  const { maxCells = 200 } = options;
  if (!(maxCells >= 1)) {
    throw new OptionError(`expected maxCells of at least 1, received ${maxCells}. Leave it out for 200.`, {
      op: 'heatmap',
    });
  }
  if (options.xTicks) checkCount('heatmap', 'xTicks', options.xTicks.length, matrix.cols, 'columns');
  if (options.yTicks) checkCount('heatmap', 'yTicks', options.yTicks.length, matrix.rows, 'rows');
  const shrunk = shrinkMatrix(matrix, maxCells, maxCells, options.reduce);
  const range = colorRange(matrix.data, options);
  const small = shrunk.matrix.rows * shrunk.matrix.cols <= 150;
  const trace = heatmapTrace(shrunk, range, {
    zLabel: options.zLabel ?? 'value',
    xLabel: options.xLabel ?? 'column',
    yLabel: options.yLabel ?? 'row',
    xTicks: options.xTicks,
    yTicks: options.yTicks,
    values: options.values ?? small,
  });
  const layout = baseLayout({
    title: plotlyText(options.title ?? `Matrix ${matrix.rows} × ${matrix.cols}`),
    notes: [options.note && plotlyText(options.note), shrunk.note, skippedNote(finiteRange(matrix.data).skipped)],
    height: options.height ?? heatmapHeight(shrunk.matrix.rows),
    margin: { l: options.yTicks ? labelRoom(options.yTicks) : 70, r: 110, ...(options.xTicks ? { b: 90 } : {}) },
    xaxis: {
      ...axisTitle(plotlyText(options.xLabel ?? 'column')),
      showgrid: false,
      zeroline: false,
      ...matrixTicks(options.xTicks, true),
    },
    yaxis: {
      ...axisTitle(plotlyText(options.yLabel ?? 'row')),
      showgrid: false,
      zeroline: false,
      ...(options.flip ? {} : { autorange: 'reversed' as const }),
      ...matrixTicks(options.yTicks, false),
    },
  });
  return makeFigure([trace], layout);
}

/** Colours and their value range. */
export interface ColorRange {
  readonly zmin: number;
  readonly zmax: number;
  readonly colorscale: HeatmapTrace['colorscale'];
}

/** Chooses colours for some values; a diverging scale always has zero in its middle. */
export function colorRange(
  data: ArrayLike<number>,
  options: { readonly scale?: ColorChoice; readonly zMin?: number; readonly zMax?: number } = {},
): ColorRange {
  const { min, max } = finiteRange(data);
  const [low, high] = min > max ? [0, 1] : [min, max];
  const diverging = options.scale === 'diverging' || (options.scale !== 'sequential' && low < 0);
  if (diverging) {
    const most = Math.max(Math.abs(options.zMin ?? 0), Math.abs(options.zMax ?? 0)) || Math.max(-low, high) || 1;
    return { zmin: -most, zmax: most, colorscale: DIVERGING };
  }
  const zmin = options.zMin ?? low;
  const zmax = options.zMax ?? high;
  return { zmin, zmax: zmax > zmin ? zmax : zmin + (Math.abs(zmin) || 1), colorscale: SEQUENTIAL };
}

/** What {@link heatmapTrace} puts into words. */
export interface CellWords {
  readonly zLabel: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xTicks?: readonly string[];
  readonly yTicks?: readonly string[];
  readonly values?: boolean;
  /** Pairs of axes other than the first: `x2`, `y2`. */
  readonly axes?: { readonly xaxis: string; readonly yaxis: string };
  readonly colorbar?: boolean;
}

/** The trace of one matrix. Named rows or columns get hover texts of their own, up to 4096 cells. */
export function heatmapTrace(shrunk: Shrunk, range: ColorRange, words: CellWords): HeatmapTrace {
  const { matrix, x, y } = shrunk;
  const cell = (i: number, j: number): number => matrix.data[i * matrix.cols + j];
  const grid = <T>(make: (i: number, j: number) => T): T[][] => y.map((_, i) => x.map((__, j) => make(i, j)));
  const named = shrunk.note === undefined && (words.xTicks !== undefined || words.yTicks !== undefined);
  const nameOf = (label: string, ticks: readonly string[] | undefined, at: number): string =>
    plotlyText(ticks ? `${label} ${at}: ${ticks[at]}` : `${label} ${at}`);
  const zLabel = plotlyText(words.zLabel);
  const hover =
    named && x.length * y.length <= 4096
      ? {
          hoverinfo: 'text' as const,
          hovertext: grid(
            (i, j) =>
              `${nameOf(words.yLabel, words.yTicks, i)}<br>${nameOf(words.xLabel, words.xTicks, j)}<br>${zLabel} ${formatNumber(cell(i, j), 5)}`,
          ),
        }
      : {
          hovertemplate: `${plotlyText(words.yLabel)} %{y}<br>${plotlyText(words.xLabel)} %{x}<br>${zLabel} %{z:.5~g}<extra></extra>`,
        };
  return {
    type: 'heatmap',
    z: grid((i, j) => round(cell(i, j), 5)),
    x,
    y,
    ...range,
    showscale: words.colorbar ?? true,
    ...((words.colorbar ?? true)
      ? { colorbar: { title: { text: zLabel, side: 'right' as const }, thickness: 14 } }
      : {}),
    ...(words.values
      ? {
          text: grid((i, j) => formatNumber(cell(i, j), 3)),
          texttemplate: '%{text}' as const,
          textfont: { family: MONO_FAMILY, size: 10 },
        }
      : {}),
    ...hover,
    ...(words.axes ?? {}),
  };
}

/** Ticks of a matrix axis: the given names, or plotly's own numbers. */
export function matrixTicks(names: readonly string[] | undefined, turn: boolean): Axis {
  return names === undefined ? {} : labelTicks(names, turn ? { turn } : {});
}

/** A pleasant height for a matrix of so many rows, in pixels. */
export function heatmapHeight(rows: number): number {
  return Math.round(Math.min(640, Math.max(220, 150 + rows * 22)));
}
