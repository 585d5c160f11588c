import { inspect } from 'node:util';

import { guardedAsync, native } from '../native/addon';
import { deviceNumber } from '../native/devices';
import type { DeviceName } from '../tensor/dtype';
import { recordCost, signature, table } from './format';
import type { ProgramRecord } from './plan';

/** Highest rate of an op on this machine, its operands in cache, measured apart. */
export interface OpPeak {
  /** Name of the op. */
  readonly op: string;
  /** Rows of its first input; a record is held to the peak of the largest count up to its own. */
  readonly rows: number;
  /** Operations per second, as the op's cost counts them. */
  readonly opsPerSecond: number;
}

/** Options of `Program.profile`. */
export interface ProfileOptions {
  /** Runs that the medians are of. Default 5. */
  repeats?: number;
  /** Read bandwidth in bytes per second. Default: measured once. */
  bandwidth?: number;
  /** Peaks of ops. Default none: only bytes count. */
  peaks?: readonly OpPeak[];
}

/** Time of one record. */
export interface ProfileRow {
  readonly record: number;
  readonly op: string;
  readonly shapes: string;
  /** ISA variant of the kernel. */
  readonly variant: string;
  /** Bytes that must be read and written, by the op's cost. */
  readonly bytes: number;
  /** Median microseconds. */
  readonly us: number;
  /** Elementary operations, by the op's cost. */
  readonly ops: number;
  /**
   * Time that the record needs at least, in percent of `us`: that of its bytes at the read bandwidth, or of its operations at the
   * op's peak when that was given and is longer.
   */
  readonly percentOfRoofline: number;
}

/** Time of every record of a program, and per op. */
export class ProgramProfile {
  constructor(
    readonly rows: readonly ProfileRow[],
    /** Read bandwidth that the roofline is drawn with, bytes per second. */
    readonly bandwidth: number,
  ) {}

  /** Sum of the medians, microseconds. */
  get totalUs(): number {
    return this.rows.reduce((sum, r) => sum + r.us, 0);
  }

  /** Calls, microseconds, bytes and share per op name, slowest first. */
  byOp(): { op: string; calls: number; us: number; bytes: number; percent: number }[] {
    const groups = new Map<string, { op: string; calls: number; us: number; bytes: number; percent: number }>();
    for (const { op, us, bytes } of this.rows) {
      const g = groups.get(op) ?? { op, calls: 0, us: 0, bytes: 0, percent: 0 };
      g.calls++;
      g.us += us;
      g.bytes += bytes;
      g.percent = (100 * g.us) / this.totalUs;
      groups.set(op, g);
    }
    return [...groups.values()].sort((a, b) => b.us - a.us);
  }

  toString(): string {
    const head = ['#', 'op', 'shapes', 'variant', 'bytes', 'us', '% of roofline'];
    const rows = this.rows.map((r) => [
      String(r.record),
      r.op,
      r.shapes,
      r.variant,
      String(r.bytes),
      r.us.toFixed(1),
      r.percentOfRoofline.toFixed(0),
    ]);
    return `${table(head, rows)}\ntotal ${this.totalUs.toFixed(1)} us at ${(this.bandwidth / 1e9).toFixed(1)} GB/s`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

const measuredBandwidth = new Map<DeviceName, number>();

/** Read bandwidth of a device in bytes per second: the median of five passes over 256 MiB, measured once. */
export async function readBandwidth(device: DeviceName = 'cpu'): Promise<number> {
  const known = measuredBandwidth.get(device);
  if (known !== undefined) return known;
  const found = median(await guardedAsync(native().readBandwidth(256 << 20, 5, deviceNumber(device))));
  measuredBandwidth.set(device, found);
  return found;
}

/** See `Program.profile`. `run` gives the microseconds of each record of one step. */
export async function profileRecords(
  records: readonly ProgramRecord[],
  device: DeviceName,
  run: () => Float64Array,
  repeats: number,
  given: number | undefined,
  peaks: readonly OpPeak[] = [],
): Promise<ProgramProfile> {
  const bandwidth = given ?? (await readBandwidth(device));
  const samples = Array.from({ length: repeats }, run);
  const variant = device === 'cpu' ? native().deviceInfo().variant : device;
  const rows = records.map((r, i) => {
    const us = median(samples.map((s) => s[i]));
    const { bytes, ops } = recordCost(r);
    const leastUs = 1e6 * Math.max(bytes / bandwidth, ops / peakOf(r, peaks));
    const percentOfRoofline = us > 0 ? (100 * leastUs) / us : 0;
    return { record: i, op: r.def.name, shapes: signature(r), variant, bytes, ops, us, percentOfRoofline };
  });
  return new ProgramProfile(rows, bandwidth);
}

// Operations per second that a record can reach at most; no limit where none was measured.
function peakOf({ def, inputs }: ProgramRecord, peaks: readonly OpPeak[]): number {
  const known = peaks.filter((p) => p.op === def.name).sort((a, b) => a.rows - b.rows);
  const rows = inputs[0]?.shape[0] ?? 1;
  return (known.filter((p) => p.rows <= rows).at(-1) ?? known[0])?.opsPerSecond ?? Infinity;
}

function median(values: ArrayLike<number>): number {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
}
