import type { BarSeries } from './bar';
import { drawBars } from './bar';
import type { Figure } from './figure';
import { formatNumber } from './label';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** The part of a benchmark receipt that a plot needs: the keys of llama-bench, plus the median and its interval. */
export interface ReceiptLike {
  /** Name of what was measured when it is not Rotor itself, such as a peer or a kernel variant. */
  readonly label?: string;
  readonly build_commit: string;
  readonly cpu_info: string;
  readonly gpu_info?: string;
  readonly model_type?: string;
  readonly n_threads: number;
  readonly n_prompt: number;
  readonly n_gen: number;
  /** Positions in the cache before the test. */
  readonly n_depth?: number;
  /** Sequences side by side. */
  readonly n_parallel?: number;
  /** Median tokens per second. */
  readonly median_ts: number;
  /** Ends of the 95 % interval of the median, tokens per second. */
  readonly interval_ts?: readonly [number, number];
  /** Tokens per second of each repetition. */
  readonly samples_ts?: readonly number[];
}

/** Options of {@link receiptBars}. */
export interface ReceiptBarsOptions {
  readonly title?: string;
  /** A sentence below the title. */
  readonly note?: string;
  /** Height in pixels. */
  readonly height?: number;
}

/**
 * Tokens per second from benchmark receipts: medians with their 95 % intervals, one group per test (`pp512`, `tg128`), one
 * colour per label and number of threads. The note names the processor, so no figure travels without it.
 *
 * @param receipts receipts of one machine
 * @throws OptionError when something is no receipt: no processor, no commit, no positive median
 */
export function receiptBars(receipts: readonly ReceiptLike[], options: ReceiptBarsOptions = {}): Figure {
  const op = 'receiptBars';
  checkOptions(op, options, ['title', 'note', 'height']);
  if (receipts.length === 0)
    throw new OptionError('expected at least one receipt, received none. Run a benchmark first.', { op });
  receipts.forEach((receipt, i) => checkReceipt(op, receipt, i));
  const tests = unique(receipts.map(testName));
  const groups = unique(receipts.map(groupName));
  const series = groups.map((name): BarSeries => {
    const cells = tests.map((test) => receipts.find((r) => groupName(r) === name && testName(r) === test));
    const ends = cells.map((r) => (r ? medianInterval(r) : [NaN, NaN]));
    return {
      name,
      values: cells.map((r) => r?.median_ts ?? NaN),
      low: ends.map(([low]) => low),
      high: ends.map(([, high]) => high),
    };
  });
  const machines = unique(receipts.map((r) => [r.cpu_info, r.gpu_info].filter(Boolean).join(' + ')));
  const commits = unique(receipts.map((r) => r.build_commit.slice(0, 12)));
  // A test that one group did not run is a hole, not a bad value.
  return drawBars(
    series,
    {
      title: options.title ?? 'Tokens per second',
      note: [options.note, machines.join('; '), `commit ${commits.join(', ')}; median, 95 % interval`]
        .filter(Boolean)
        .join('\n'),
      labels: tests,
      xLabel: 'test (pp: prompt tokens, tg: generated tokens)',
      yLabel: 'tokens / s',
      height: options.height,
    },
    { holes: true },
  );
}

/**
 * An interval that holds the median in 95 of 100 cases, whatever the distribution: the receipt's own, else the order
 * statistics of its samples (fewer than six samples give their smallest and largest, which hold it less often).
 */
export function medianInterval(receipt: ReceiptLike): readonly [number, number] {
  if (receipt.interval_ts) return receipt.interval_ts;
  const sorted = [...(receipt.samples_ts ?? [receipt.median_ts])].sort((a, b) => a - b);
  const n = sorted.length;
  // Largest k with P(Binomial(n, 1/2) < k) <= 2.5 %.
  let [k, term, below] = [0, 0.5 ** n, 0];
  while (below + term <= 0.025) {
    below += term;
    term *= (n - k) / (k + 1);
    k++;
  }
  const at = Math.max(0, k - 1);
  return [sorted[at], sorted[n - 1 - at]];
}

function checkReceipt(op: string, receipt: ReceiptLike, index: number): void {
  const { cpu_info, build_commit, median_ts } = receipt;
  const named =
    typeof cpu_info === 'string' && cpu_info !== '' && typeof build_commit === 'string' && build_commit !== '';
  if (named && median_ts > 0) return;
  throw new OptionError(
    `expected a receipt with cpu_info, build_commit and a positive median_ts, received ${JSON.stringify({ cpu_info, build_commit, median_ts })} at ${index}. Plots are drawn from receipts only.`,
    { op, details: { index } },
  );
}

function testName({ n_prompt, n_gen, n_depth = 0, n_parallel = 1 }: ReceiptLike): string {
  const parts = [...(n_prompt > 0 ? [`pp${n_prompt}`] : []), ...(n_gen > 0 ? [`tg${n_gen}`] : [])];
  return `${parts.join('+')}${n_parallel > 1 ? ` x ${n_parallel}` : ''}${n_depth > 0 ? ` @ d${n_depth}` : ''}`;
}

function groupName({ label, n_threads }: ReceiptLike): string {
  return `${label === undefined ? '' : `${label}, `}${formatNumber(n_threads)} thread${n_threads === 1 ? '' : 's'}`;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
