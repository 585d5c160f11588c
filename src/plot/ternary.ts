import type { BarTrace, Figure, HeatmapTrace } from './figure';
import { makeFigure } from './figure';
import type { NumericInput } from './input';
import { toVector } from './input';
import { formatNumber, formatPercent, labelTicks, plotlyText } from './label';
import { axisTitle, baseLayout, FONT_FAMILY, MONO_FAMILY, TRIT_COLORS } from './theme';
import { OptionError, ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';

/** How many weights of a matrix, or of a layer, are -1, 0 and +1. */
export interface TritCounts {
  readonly name: string;
  readonly minus: number;
  readonly zero: number;
  readonly plus: number;
}

/** Options of {@link tritBars}. */
export interface TritBarsOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Title of the x axis. Default `layer`. */
  readonly xLabel?: string;
  /** Height in pixels. */
  readonly height?: number;
}

/**
 * The shares of -1, 0 and +1 among the weights, one bar per matrix or layer.
 * The note gives the shares over all of them and their entropy in bits; log2(3) = 1.585 would be even use.
 *
 * @param layers counts, in the order of the bars
 * @throws OptionError when a count is negative or a layer has no weights
 */
export function tritBars(layers: readonly TritCounts[], options: TritBarsOptions = {}): Figure {
  const op = 'tritBars';
  checkOptions(op, options, ['title', 'note', 'xLabel', 'height']);
  const kinds = ['minus', 'zero', 'plus'] as const;
  const total = { minus: 0, zero: 0, plus: 0 };
  for (const layer of layers) {
    const sum = layer.minus + layer.zero + layer.plus;
    if (!(sum > 0) || kinds.some((kind) => !(layer[kind] >= 0))) {
      throw new OptionError(
        `expected counts of at least 0 and some weights in "${layer.name}", received ${layer.minus}, ${layer.zero}, ${layer.plus}. Count the weights of a loaded matrix.`,
        { op },
      );
    }
    for (const kind of kinds) total[kind] += layer[kind];
  }
  const all = total.minus + total.zero + total.plus;
  const shares = kinds.map((kind) => total[kind] / Math.max(1, all));
  const entropy = shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
  const traces = kinds.map((kind, k): BarTrace => {
    const share = layers.map((layer) => (100 * layer[kind]) / (layer.minus + layer.zero + layer.plus));
    const name = ['−1', '0', '+1'][k];
    return {
      type: 'bar',
      name,
      x: layers.map((_, i) => i),
      y: share.map((v) => Number(v.toFixed(4))),
      marker: { color: TRIT_COLORS[k] },
      hoverinfo: 'text',
      hovertext: layers.map((layer, i) =>
        plotlyText(`${layer.name}\nweight ${name}: ${share[i].toFixed(2)} % (${formatNumber(layer[kind])})`),
      ),
    };
  });
  const summary = `all: −1 ${formatPercent(shares[0])}, 0 ${formatPercent(shares[1])}, +1 ${formatPercent(shares[2])}; entropy ${entropy.toFixed(3)} bits a weight`;
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Ternary weights'),
    notes: [options.note && plotlyText(options.note), summary],
    height: options.height,
    legend: true,
    barmode: 'stack',
    bargap: 0.15,
    margin: { b: 100 },
    xaxis: {
      ...axisTitle(plotlyText(options.xLabel ?? 'layer')),
      showgrid: false,
      zeroline: false,
      ...labelTicks(
        layers.map(({ name }) => name),
        { turn: true },
      ),
    },
    yaxis: { ...axisTitle('share of the weights (%)'), range: [0, 100] },
  });
  return makeFigure(traces, layout);
}

/** One row of a ternary matrix as its two bit-planes: bit k of the row is bit `k % 8`, counted from the lowest, of byte `k >> 3`. */
export interface BitPlanes {
  /** Set where the weight is 0. */
  readonly zero: NumericInput;
  /** Set where the weight is +1. */
  readonly plus: NumericInput;
  /** How many weights the row has. */
  readonly columns: number;
}

/** Options of {@link bitPlaneRow}. */
export interface BitPlaneOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** First weight drawn. Default 0. */
  readonly start?: number;
  /** How many weights are drawn, at most 64. Default 32. */
  readonly count?: number;
}

/**
 * A stretch of one row of weights: the bits of both planes and, below them, the weights they stand for.
 *
 * @param planes both planes as bytes
 * @throws ShapeError when a plane has too few bytes; OptionError for a stretch outside the row, or where both bits are set
 */
export function bitPlaneRow(planes: BitPlanes, options: BitPlaneOptions = {}): Figure {
  const op = 'bitPlaneRow';
  checkOptions(op, options, ['title', 'note', 'start', 'count']);
  const { start = 0, count = Math.min(32, planes.columns - start) } = options;
  if (
    !Number.isInteger(start) ||
    !Number.isInteger(count) ||
    start < 0 ||
    count < 1 ||
    count > 64 ||
    start + count > planes.columns
  ) {
    throw new OptionError(
      `expected start and count within the ${planes.columns} weights, count from 1 to 64, received start ${start}, count ${count}. Choose a shorter stretch.`,
      { op },
    );
  }
  const zero = readBits(op, 'zero', planes.zero, planes.columns, start, count);
  const plus = readBits(op, 'plus', planes.plus, planes.columns, start, count);
  const clash = zero.findIndex((bit, i) => bit === 1 && plus[i] === 1);
  if (clash >= 0) {
    throw new OptionError(
      `expected at most one bit per weight, received both at ${start + clash}. The planes are damaged or swapped.`,
      { op },
    );
  }
  const weights = zero.map((bit, i) => (bit === 1 ? 0 : plus[i] === 1 ? 1 : -1));
  // Colours by meaning: a set bit is dark; the weights have the colours of the ternary palette.
  const rows = [
    zero.map((bit) => bit * 3),
    plus.map((bit) => bit * 3),
    weights.map((w) => (w === 0 ? 1 : w < 0 ? 2 : 4)),
  ];
  const words = [zero.map(String), plus.map(String), weights.map((w) => (w > 0 ? '+1' : w < 0 ? '−1' : '0'))];
  const names = ['zero plane', 'plus plane', 'weight'];
  const at = weights.map((_, i) => start + i);
  const steps = ['#f4f4f4', TRIT_COLORS[1], TRIT_COLORS[0], '#444444', TRIT_COLORS[2]];
  const trace: HeatmapTrace = {
    type: 'heatmap',
    z: rows,
    x: at,
    y: [0, 1, 2],
    zmin: -0.5,
    zmax: 4.5,
    colorscale: steps.flatMap((color, i) => [[i / 5, color] as const, [(i + 1) / 5, color] as const]),
    showscale: false,
    text: words,
    texttemplate: '%{text}',
    textfont: { family: MONO_FAMILY, size: count > 40 ? 9 : 11 },
    hoverinfo: 'text',
    hovertext: rows.map((_, r) =>
      at.map((k, i) => `${names[r]}<br>k = ${k}: byte ${k >> 3}, bit ${k % 8}<br>${words[r][i]}`),
    ),
    xgap: 1,
    ygap: 6,
  };
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'A row of ternary weights as two bit-planes'),
    notes: [
      options.note && plotlyText(options.note),
      `weights ${start} to ${start + count - 1} of ${planes.columns}; weight + 1 = zero + 2 · plus`,
    ],
    height: 260,
    margin: { l: 100 },
    xaxis: { ...axisTitle('column k (byte k >> 3, bit k % 8)'), showgrid: false, zeroline: false },
    yaxis: {
      showgrid: false,
      zeroline: false,
      autorange: 'reversed',
      ...labelTicks(names),
      tickfont: { family: FONT_FAMILY, size: 12 },
    },
  });
  return makeFigure([trace], layout);
}

function readBits(
  op: string,
  name: string,
  plane: NumericInput,
  columns: number,
  start: number,
  count: number,
): number[] {
  const bytes = toVector(op, plane);
  if (bytes.length < Math.ceil(columns / 8)) {
    throw new ShapeError(
      `expected ${Math.ceil(columns / 8)} bytes in the ${name} plane for ${columns} weights, received ${bytes.length}. Pass one whole row.`,
      { op },
    );
  }
  return Array.from({ length: count }, (_, i) => (bytes[(start + i) >> 3] >> ((start + i) & 7)) & 1);
}
