import type { Figure } from './figure';
import { makeFigure } from './figure';
import { colorRange, heatmapTrace } from './heatmap';
import type { NumericInput } from './input';
import { checkCount, finiteRange, skippedNote, stackItem, toStack } from './input';
import { labelRoom, labelTicks, plotlyText, tokenLabel } from './label';
import { panelDomains, panelTitle, withPanels } from './panels';
import { shrinkMatrix } from './reduce';
import { axisTitle, baseLayout } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** Options of {@link attentionPattern}. */
export interface AttentionOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Texts of the query tokens, and of the keys too when `keys` is not given. */
  readonly tokens?: readonly string[];
  /** Texts of the key tokens. */
  readonly keys?: readonly string[];
  /** Number of the layer, for the title. */
  readonly layer?: number;
  /** Which heads to draw, in this order. Default: all. */
  readonly heads?: readonly number[];
  /** Panels side by side. Default: up to 4. */
  readonly columns?: number;
  /** `pattern` (0 to 1, the default) or `scores` (before the softmax, of both signs). */
  readonly kind?: 'pattern' | 'scores';
  /** Height in pixels. */
  readonly height?: number;
}

const OPTIONS = ['title', 'note', 'tokens', 'keys', 'layer', 'heads', 'columns', 'kind', 'height'];

/** Most panels of one figure: beyond that nothing can be read. */
const MOST_PANELS = 64;

/**
 * Where each token looks: queries downwards, keys to the right, one panel per head.
 *
 * @param pattern shape [T, S] for one head or [H, T, S] for many, such as `cache.get('pattern', 0)`
 * @param options tokens, heads, layer
 * @returns a figure in which all panels share one colour scale
 * @throws ShapeError for another rank; OptionError for a head that does not exist or labels that do not match
 */
export function attentionPattern(pattern: NumericInput, options: AttentionOptions = {}): Figure {
  const op = 'attentionPattern';
  checkOptions(op, options, OPTIONS);
  const stack = toStack(op, pattern);
  const keys = options.keys ?? (options.tokens?.length === stack.cols ? options.tokens : undefined);
  if (options.tokens) checkCount(op, 'tokens', options.tokens.length, stack.rows, 'queries');
  if (options.keys) checkCount(op, 'keys', options.keys.length, stack.cols, 'keys');
  const heads = chooseHeads(op, options.heads, stack.count);
  const columns = Math.min(heads.length, Math.max(1, options.columns ?? 4));
  const panelRows = Math.ceil(heads.length / columns);
  const queryNames = options.tokens?.map((text) => tokenLabel(text));
  const keyNames = keys?.map((text) => tokenLabel(text));
  const scores = options.kind === 'scores';
  const range = scores
    ? colorRange(stack.data, { scale: 'diverging' })
    : colorRange([], { scale: 'sequential', zMin: 0, zMax: 1 });
  const most = Math.max(24, Math.floor(200 / Math.max(columns, panelRows)));
  const drawn = heads.map((head) => shrinkMatrix(stackItem(stack, head), most, most, scores ? 'mean' : 'maxAbs'));
  const traces = drawn.map((shrunk, i) =>
    heatmapTrace(shrunk, range, {
      zLabel: scores ? 'score' : 'weight',
      xLabel: 'key',
      yLabel: 'query',
      xTicks: keyNames,
      yTicks: queryNames,
      colorbar: i === 0,
      ...(i === 0 ? {} : { axes: { xaxis: `x${i + 1}`, yaxis: `y${i + 1}` } }),
    }),
  );
  const single = heads.length === 1;
  const domains = panelDomains(heads.length, columns, 0.05, Math.min(0.12, 0.3 / panelRows));
  // Token names are readable on a panel of its own; in a grid only every few fit.
  const ticks = {
    maxTicks: single ? 48 : Math.max(4, Math.floor(48 / columns)),
    maxLength: single ? 16 : 8,
    mono: true,
  };
  const axes = domains.map((domain, i) => ({
    x: {
      domain: domain.x,
      ...(i + columns >= heads.length ? axisTitle('key token') : { showticklabels: false }),
      ...(keyNames ? { ...labelTicks(keyNames, ticks), tickangle: -90 } : {}),
    },
    y: {
      domain: domain.y,
      autorange: 'reversed' as const,
      ...(i % columns === 0 ? axisTitle('query token') : { showticklabels: false }),
      ...(queryNames ? labelTicks(queryNames, ticks) : {}),
    },
  }));
  const where = options.layer === undefined ? '' : `, layer ${options.layer}`;
  const what = scores ? 'Attention scores' : 'Attention pattern';
  const layout = baseLayout({
    title: plotlyText(options.title ?? `${what}${where}${single && stack.count > 1 ? `, head ${heads[0]}` : ''}`),
    notes: [
      options.note && plotlyText(options.note),
      drawn[0].note && `each head: ${drawn[0].note}`,
      skippedNote(finiteRange(stack.data).skipped),
    ],
    height: options.height ?? (single ? 480 : Math.min(1200, 150 + panelRows * 210)),
    panelTitles: !single,
    margin: {
      l: queryNames ? labelRoom(queryNames, ticks.maxLength) : 70,
      r: 110,
      b: keyNames ? labelRoom(keyNames, ticks.maxLength, 50) : 64,
    },
    xaxis: { showgrid: false, zeroline: false },
    yaxis: { showgrid: false, zeroline: false },
  });
  const titles = single ? [] : domains.map((domain, i) => panelTitle(`head ${heads[i]}`, domain));
  return makeFigure(traces, withPanels(layout, axes, titles));
}

function chooseHeads(op: string, wanted: readonly number[] | undefined, count: number): readonly number[] {
  const heads = wanted ?? Array.from({ length: count }, (_, i) => i);
  const wrong = heads.find((head) => !Number.isInteger(head) || head < 0 || head >= count);
  if (wrong !== undefined) {
    throw new OptionError(
      `expected heads from 0 to ${count - 1}, received ${wrong}. Name heads that the pattern has.`,
      {
        op,
        details: { heads, count },
      },
    );
  }
  if (heads.length === 0 || heads.length > MOST_PANELS) {
    throw new OptionError(
      `expected 1 to ${MOST_PANELS} heads, received ${heads.length}. Choose some with the heads option.`,
      {
        op,
        details: { count: heads.length },
      },
    );
  }
  return heads;
}
