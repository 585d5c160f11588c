import { OptionError } from '../native/errors';
import { philox } from '../ops/philox';

/** Middle value; the mean of the two middle ones when their number is even. */
export function median(values: ArrayLike<number>): number {
  checkSamples('median', values);
  return middle(Float64Array.from(values).sort());
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Arithmetic mean. */
export function mean(values: ArrayLike<number>): number {
  checkSamples('mean', values);
  return Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;
}

/** Standard deviation of a sample (divided by n - 1); 0 for one value. */
export function stddev(values: ArrayLike<number>): number {
  const center = mean(values);
  if (values.length === 1) return 0;
  return Math.sqrt(Array.from(values).reduce((sum, x) => sum + (x - center) ** 2, 0) / (values.length - 1));
}

/** Options of {@link bootstrapInterval}. */
export interface BootstrapOptions {
  /** Share of the resampled medians inside the interval. Default 0.95. */
  readonly level?: number;
  /** Number of resamples. Default 2000. */
  readonly resamples?: number;
  /** The same seed gives the same interval. Default 1. */
  readonly seed?: number;
}

/**
 * Interval of the median by the percentile bootstrap (Efron 1979): the median of many samples of the same size, drawn with
 * replacement. With few values it is at most as wide as they are, so that it is a lower bound of the doubt.
 *
 * @returns lower and upper end
 */
export function bootstrapInterval(values: ArrayLike<number>, options: BootstrapOptions = {}): [number, number] {
  checkSamples('bootstrapInterval', values);
  return interval('bootstrapInterval', options, (r, seed) => drawnMedian(values, r, seed));
}

/**
 * Interval of the ratio of two medians, `median(a) / median(b)`, both drawn anew: see {@link bootstrapInterval}.
 *
 * @returns lower and upper end
 */
export function bootstrapRatio(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: BootstrapOptions = {},
): [number, number] {
  checkSamples('bootstrapRatio', a);
  checkSamples('bootstrapRatio', b);
  return interval(
    'bootstrapRatio',
    options,
    (r, seed) => drawnMedian(a, 2 * r, seed) / drawnMedian(b, 2 * r + 1, seed),
  );
}

function interval(
  op: string,
  { level = 0.95, resamples = 2000, seed = 1 }: BootstrapOptions,
  draw: (r: number, seed: number) => number,
): [number, number] {
  if (!(level > 0 && level < 1 && Number.isInteger(resamples) && resamples >= 1)) {
    throw new OptionError(
      `expected a level between 0 and 1 and at least one resample, received ${level} and ${resamples}.`,
      { op },
    );
  }
  const drawn = Float64Array.from({ length: resamples }, (_, r) => draw(r, seed)).sort();
  const tail = (1 - level) / 2;
  const at = (share: number): number => drawn[Math.min(resamples - 1, Math.floor(share * resamples))];
  return [at(tail), at(1 - tail)];
}

// Median of as many values, drawn with replacement.
function drawnMedian(values: ArrayLike<number>, r: number, seed: number): number {
  const drawn = new Float64Array(values.length);
  for (let i = 0; i < drawn.length; i += 4) {
    const words = philox([i, r, 0, 0], [seed, 0]);
    for (let j = 0; j < Math.min(4, drawn.length - i); j++) {
      drawn[i + j] = values[Math.floor((words[j] / 2 ** 32) * drawn.length)];
    }
  }
  return middle(drawn.sort());
}

function checkSamples(op: string, values: ArrayLike<number>): void {
  if (values.length === 0) throw new OptionError('expected at least one value, received none. Measure first.', { op });
}
