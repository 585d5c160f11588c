import { bar } from './bar';
import type { Figure } from './figure';
import type { NamedValues } from './input';
import { checkCount, toVector } from './input';
import { formatPercent, tokenLabel } from './label';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** Options of {@link samplerDistributions}. */
export interface SamplerOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** The text of a token id. Default: the id itself. */
  readonly decode?: (id: number) => string;
  /** How many tokens are drawn: the likeliest of the first sampler. Default 16. */
  readonly top?: number;
  /** Height in pixels. */
  readonly height?: number;
}

/**
 * The next-token distributions of several samplers side by side, over the likeliest tokens of the first one. The note
 * says how many tokens each sampler can still choose, and how much of its probability lies outside the picture.
 *
 * @param samplers named probabilities, each of shape [vocabulary], summing to 1
 * @throws OptionError when the vocabularies differ or a value is no probability
 */
export function samplerDistributions(samplers: readonly NamedValues[], options: SamplerOptions = {}): Figure {
  const op = 'samplerDistributions';
  checkOptions(op, options, ['title', 'note', 'decode', 'top', 'height']);
  if (samplers.length === 0)
    throw new OptionError('expected at least one sampler, received none. Pass {name, values}.', { op });
  const all = samplers.map(({ name, values }) => ({ name, p: toVector(op, values) }));
  const vocabulary = all[0].p.length;
  for (const { name, p } of all) {
    checkCount(op, 'probabilities', p.length, vocabulary, 'tokens of the first sampler');
    const wrong = p.findIndex((v) => !(v >= 0 && v <= 1 + 1e-6));
    if (wrong >= 0) {
      throw new OptionError(
        `expected probabilities from 0 to 1 in "${name}", received ${p[wrong]} at token ${wrong}. Apply softmax first.`,
        { op },
      );
    }
  }
  const { top = 16, decode = String } = options;
  const shown = [...all[0].p.keys()].sort((a, b) => all[0].p[b] - all[0].p[a] || a - b).slice(0, top);
  const words = all.map(({ name, p }) => {
    const alive = p.reduce((count, v) => count + (v > 0 ? 1 : 0), 0);
    const hidden = 1 - shown.reduce((sum, id) => sum + p[id], 0);
    return `${name}: ${alive} tokens possible, ${formatPercent(Math.max(0, hidden))} not shown`;
  });
  return bar(
    all.map(({ name, p }) => ({ name, values: shown.map((id) => p[id]) })),
    {
      title: options.title ?? 'What each sampler can choose',
      note: [options.note, ...pairs(words)].filter(Boolean).join('\n'),
      labels: shown.map((id) => tokenLabel(decode(id), 14)),
      xLabel: 'next token',
      yLabel: 'probability',
      values: false,
      height: options.height,
    },
  );
}

/** Two sayings to a line. */
function pairs(words: readonly string[]): string[] {
  return words.filter((_, i) => i % 2 === 0).map((word, i) => [word, words[2 * i + 1]].filter(Boolean).join(';  '));
}
