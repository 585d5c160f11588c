import type { Figure, ScatterTrace } from './figure';
import { makeFigure } from './figure';
import { formatNumber, formatPercent, plotlyText, round } from './label';
import { axisTitle, baseLayout, logAxis, seriesColor } from './theme';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';

/** What the machine can do at most, both measured in the same run as the points. */
export interface RooflineLimits {
  /** Read bandwidth in GB/s (10^9 bytes). */
  readonly bandwidth: number;
  /** Highest rate in Gop/s (10^9 operations). */
  readonly compute: number;
}

/** One kernel or step on a roofline. */
export interface RooflinePoint {
  readonly name: string;
  /** Operations done. */
  readonly ops: number;
  /** Bytes moved. */
  readonly bytes: number;
  /** Time taken in seconds. */
  readonly seconds: number;
}

/** Options of {@link roofline}. */
export interface RooflineOptions {
  readonly title?: string;
  /** A sentence below the title; name the processor here. */
  readonly note?: string;
  /** Height in pixels. */
  readonly height?: number;
}

/**
 * Kernels against the limits of the machine, both axes logarithmic: operations per byte to the right, operations per
 * second upwards. Hover text gives the share of the roof that each point reaches.
 * Method: Williams, Waterman, Patterson, "Roofline" (CACM 2009).
 *
 * @param points work, traffic and time of each kernel
 * @param limits bandwidth and compute limit of the machine
 * @throws OptionError when a number is not positive
 */
export function roofline(
  points: readonly RooflinePoint[],
  limits: RooflineLimits,
  options: RooflineOptions = {},
): Figure {
  const op = 'roofline';
  checkOptions(op, options, ['title', 'note', 'height']);
  checkPositive(op, 'limits', { bandwidth: limits.bandwidth, compute: limits.compute });
  for (const { name, ops, bytes, seconds } of points) checkPositive(op, name, { ops, bytes, seconds });
  const roofAt = (intensity: number): number => Math.min(limits.compute, limits.bandwidth * intensity);
  const ridge = limits.compute / limits.bandwidth;
  const intensities = points.map(({ ops, bytes }) => ops / bytes);
  const left = Math.min(ridge, ...intensities) / 4;
  const right = Math.max(ridge, ...intensities) * 4;
  const roof: ScatterTrace = {
    type: 'scatter',
    mode: 'lines',
    name: 'roof',
    x: [round(left), round(ridge), round(right)],
    y: [round(roofAt(left)), round(limits.compute), round(limits.compute)],
    line: { color: '#555555', width: 2 },
    hoverinfo: 'skip',
  };
  const marks = points.map(({ name, ops, seconds }, i): ScatterTrace => {
    const rate = ops / seconds / 1e9;
    const share = rate / roofAt(intensities[i]);
    const bound = intensities[i] < ridge ? 'memory' : 'compute';
    return {
      type: 'scatter',
      mode: 'markers',
      name: plotlyText(name),
      x: [round(intensities[i])],
      y: [round(rate)],
      marker: { color: seriesColor(i), size: 11 },
      hoverinfo: 'text',
      hovertext: [
        plotlyText(
          `${name}\n${formatNumber(intensities[i])} op/byte, ${formatNumber(rate)} Gop/s\n${formatPercent(share)} of the ${bound} roof`,
        ),
      ],
    };
  });
  const layout = baseLayout({
    title: plotlyText(options.title ?? 'Roofline'),
    notes: [
      options.note && plotlyText(options.note),
      `read bandwidth ${formatNumber(limits.bandwidth)} GB/s, compute limit ${formatNumber(limits.compute)} Gop/s, ridge at ${formatNumber(ridge, 3)} op/byte`,
    ],
    height: options.height,
    legend: true,
    xaxis: { ...axisTitle('operations per byte (op/byte)'), ...logAxis(true) },
    yaxis: { ...axisTitle('rate (Gop/s)'), ...logAxis(true) },
  });
  return makeFigure([roof, ...marks], layout);
}

function checkPositive(op: string, where: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new OptionError(`expected a positive ${name} in ${where}, received ${value}. Measure it in the same run.`, {
      op,
      details: { name, value },
    });
  }
}
