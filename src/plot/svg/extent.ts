/** How much of its axes each kind of trace needs. */
import type { BarTrace, Datum, ErrorBars, HeatmapTrace, Layout, ScatterTrace, Trace } from '../figure';
import type { Extent } from './scale';
import { NO_EXTENT, widen } from './scale';

/** Extents along both axes. */
export interface PanelExtent {
  readonly x: Extent;
  readonly y: Extent;
}

/**
 * The extents of all traces that share a pair of axes.
 *
 * @param barmode whether bars stand on each other
 * @param logX, logY whether an axis is logarithmic: values that are not positive do not count there
 */
export function panelExtent(
  traces: readonly Trace[],
  barmode: Layout['barmode'],
  logX: boolean,
  logY: boolean,
): PanelExtent {
  let [x, y] = [NO_EXTENT, NO_EXTENT];
  const positive = (values: readonly Datum[], log: boolean): readonly Datum[] =>
    log ? values.filter((v) => v !== null && v > 0) : values;
  let padded = false;
  for (const trace of traces) {
    if (trace.type === 'heatmap') {
      x = widen(x, cellEnds(trace.x));
      y = widen(y, cellEnds(trace.y));
    } else if (trace.type === 'bar') {
      const half = (trace.width ?? 1) / 2;
      x = widen(
        x,
        trace.x.flatMap((v) => [v - half, v + half]),
      );
      y = widen(y, positive([...(logY ? [] : [0]), ...trace.y, ...whiskerEnds(trace)], logY));
      padded = true;
    } else {
      x = widen(x, positive(trace.x, logX));
      y = widen(y, positive([...trace.y, ...whiskerEnds(trace)], logY));
      padded = true;
    }
  }
  if (barmode === 'stack') y = widen(y, stackTops(traces));
  if (!padded) return { x, y };
  const points = traces.some((trace) => trace.type === 'scatter');
  return { x: points ? pad(x, logX, 0.03, 0.03) : x, y: pad(y, logY, y.min === 0 && !logY ? 0 : 0.05, 0.08) };
}

/** Edges of the first and last cell, from the centres. */
export function cellEnds(centres: readonly number[]): [number, number] {
  const step = cellStep(centres);
  return [centres[0] - step / 2, centres[centres.length - 1] + step / 2];
}

/** Distance between neighbouring centres; 1 for a single one. */
export function cellStep(centres: readonly number[]): number {
  return centres.length > 1 ? (centres[centres.length - 1] - centres[0]) / (centres.length - 1) : 1;
}

/** Ends of the whiskers of a trace. */
export function whiskerEnds(trace: BarTrace | ScatterTrace): Datum[] {
  const bars: ErrorBars | undefined = trace.error_y;
  if (!bars) return [];
  return trace.y.flatMap((v, i) => (v === null ? [] : [v + (bars.array[i] ?? 0), v - (bars.arrayminus[i] ?? 0)]));
}

/** Height of the stack at each x. */
export function stackTops(traces: readonly Trace[]): number[] {
  const tops = new Map<number, number>();
  for (const trace of traces) {
    if (trace.type !== 'bar') continue;
    trace.x.forEach((x, i) => tops.set(x, (tops.get(x) ?? 0) + (trace.y[i] ?? 0)));
  }
  return [...tops.values()];
}

/** Whether a trace is a matrix. */
export function isHeatmap(trace: Trace): trace is HeatmapTrace {
  return trace.type === 'heatmap';
}

function pad({ min, max }: Extent, log: boolean, below: number, above: number): Extent {
  if (!(max > min)) return { min, max };
  if (!log) return { min: min - below * (max - min), max: max + above * (max - min) };
  const decades = Math.log10(max / min);
  return { min: min / 10 ** (below * decades), max: max * 10 ** (above * decades) };
}
