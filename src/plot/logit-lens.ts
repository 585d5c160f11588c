import type { Figure } from './figure';
import type { NumericInput } from './input';
import { checkCount, toMatrix, toValues } from './input';
import { formatPercent, tokenLabel } from './label';
import { tokenGrid } from './token-grid';
import { OptionError, ShapeError } from '../native/errors';
import { checkOptions } from '../native/options';

/** A token with its probability, 0 to 1. */
export interface TokenShare {
  readonly token: string;
  readonly probability: number;
}

/** What a logit lens says at each layer and position: the likeliest next tokens, best first. */
export interface Lens {
  /** [layer][position][rank], at least one token each. */
  readonly top: readonly (readonly (readonly TokenShare[])[])[];
}

/** Options of {@link logitLens}. */
export interface LogitLensOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Texts of the prompt's tokens, one per position. */
  readonly tokens?: readonly string[];
  /** Names of the layers, first layer first. */
  readonly layers?: readonly string[];
  /** Most positions drawn: of more, the last ones are. Default 32. */
  readonly maxColumns?: number;
  /** Height in pixels. */
  readonly height?: number;
}

const OPTIONS = ['title', 'note', 'tokens', 'layers', 'maxColumns', 'height'];

/**
 * The token that each layer would answer with at each position, coloured by its probability; layers rise from the bottom.
 * Method: nostalgebraist, "interpreting GPT: the logit lens" (2020).
 *
 * @param lens what {@link lensOf} made from logits
 * @param options tokens of the prompt, names of the layers
 */
export function logitLens(lens: Lens, options: LogitLensOptions = {}): Figure {
  const op = 'logitLens';
  checkOptions(op, options, OPTIONS);
  const { top } = lens;
  if (top.length === 0 || top.some((row) => row.some((ranks) => ranks.length === 0))) {
    throw new OptionError(
      'expected at least one layer and one token in every cell, received none. Make the lens with lensOf.',
      { op },
    );
  }
  if (options.layers) checkCount(op, 'layers', options.layers.length, top.length, 'layers');
  if (options.tokens) checkCount(op, 'tokens', options.tokens.length, top[0].length, 'positions');
  return tokenGrid(
    top.map((row) => row.map((ranks) => ranks[0].token)),
    top.map((row) => row.map((ranks) => ranks[0].probability)),
    {
      title: options.title ?? 'Logit lens: the next token as each layer sees it',
      note: options.note,
      xLabel: 'position',
      yLabel: 'layer',
      zLabel: 'probability',
      xTicks: options.tokens,
      yTicks: options.layers ?? top.map((_, i) => String(i)),
      scale: 'sequential',
      zMin: 0,
      zMax: 1,
      hover: top.map((row) =>
        row.map((ranks) =>
          ranks.map(({ token, probability }) => `${formatPercent(probability)}  ${tokenLabel(token, 40)}`).join('\n'),
        ),
      ),
      maxColumns: options.maxColumns,
      height: options.height,
      flip: true,
    },
  );
}

/**
 * The likeliest tokens behind some logits.
 *
 * @param logits shape [layers, positions, vocabulary], or a list of one [positions, vocabulary] per layer
 * @param decode the text of a token id
 * @param count how many tokens to keep per cell. Default 5.
 */
export function lensOf(
  logits: NumericInput | readonly NumericInput[],
  decode: (id: number) => string,
  count = 5,
): Lens {
  const op = 'lensOf';
  const perLayer = isList(logits) ? logits.map((one) => toMatrix(op, one)) : layersOf(op, logits);
  return {
    top: perLayer.map(({ rows, cols, data }) =>
      Array.from({ length: rows }, (_, t) => topTokens(data.subarray(t * cols, (t + 1) * cols), decode, count)),
    ),
  };
}

/** The likeliest tokens of one row of logits, best first; of equals the lower id. Probabilities by softmax in float64. */
export function topTokens(logits: Float64Array, decode: (id: number) => string, count: number): TokenShare[] {
  let most = -Infinity;
  for (const value of logits) if (value > most) most = value;
  let sum = 0;
  for (const value of logits) sum += Number.isNaN(value) ? 0 : Math.exp(value - most);
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (Number.isNaN(logits[id]) || (best.length === count && !(logits[id] > logits[best[count - 1]]))) continue;
    let at = best.length;
    while (at > 0 && logits[id] > logits[best[at - 1]]) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  return best.map((id) => ({ token: decode(id), probability: Math.exp(logits[id] - most) / sum }));
}

function layersOf(op: string, logits: NumericInput): { rows: number; cols: number; data: Float64Array }[] {
  const { shape, data } = toValues(op, logits);
  if (shape.length !== 3) {
    throw new ShapeError(
      `expected logits of shape [layers, positions, vocabulary], received [${shape.join(', ')}]. Stack the layers.`,
      { op },
    );
  }
  const [layers, rows, cols] = shape;
  return Array.from({ length: layers }, (_, i) => ({
    rows,
    cols,
    data: data.subarray(i * rows * cols, (i + 1) * rows * cols),
  }));
}

function isList(logits: NumericInput | readonly NumericInput[]): logits is readonly NumericInput[] {
  const first: unknown = Array.isArray(logits) ? logits[0] : undefined;
  // A nested array of numbers is one tensor; a list of tensors has tensors in it.
  return typeof first === 'object' && first !== null && !Array.isArray(first) && !ArrayBuffer.isView(first);
}
