import { inspect } from 'node:util';

import { guardedAsync, native } from '../native/addon';
import { recordBytes, signature, table } from './format';
import type { ProgramRecord } from './plan';

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
  /** Time that the bytes need at the read bandwidth, in percent of `us`. */
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

let measuredBandwidth: number | undefined;

/** Read bandwidth of the machine in bytes per second: the median of five passes over 256 MiB, measured once. */
export async function readBandwidth(): Promise<number> {
  measuredBandwidth ??= median(await guardedAsync(native().readBandwidth(256 << 20, 5)));
  return measuredBandwidth;
}

/** See `Program.profile`. `run` gives the microseconds of each record of one step. */
export async function profileRecords(
  records: readonly ProgramRecord[],
  run: () => Float64Array,
  repeats: number,
  given: number | undefined,
): Promise<ProgramProfile> {
  const bandwidth = given ?? (await readBandwidth());
  const samples = Array.from({ length: repeats }, run);
  const { variant } = native().deviceInfo();
  const rows = records.map((r, i) => {
    const us = median(samples.map((s) => s[i]));
    const bytes = recordBytes(r);
    const percentOfRoofline = us > 0 ? (100 * (bytes / bandwidth) * 1e6) / us : 0;
    return { record: i, op: r.def.name, shapes: signature(r), variant, bytes, us, percentOfRoofline };
  });
  return new ProgramProfile(rows, bandwidth);
}

function median(values: ArrayLike<number>): number {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[mid] : (sorted[mid - 1] + sorted[mid]) / 2;
}
