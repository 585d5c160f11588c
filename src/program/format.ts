import type { Cost } from '../ops/schema';
import type { DeviceName } from '../tensor/dtype';
import type { ProgramRecord } from './plan';

/** A text table: first row the heads, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, c) => Math.max(...all.map((r) => r[c].length)));
  const numeric = head.map((_, c) => rows.every((r) => /^[-\d.,e+%]*$/.test(r[c])));
  const line = (r: readonly string[]): string =>
    r
      .map((cell, c) => (numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}

/** `f32[1x256], i8[1x256] -> f32[1x64]` */
export function signature({ inputs, outputs }: ProgramRecord): string {
  const text = (xs: ProgramRecord['inputs']): string => xs.map((x) => `${x.dtype}[${x.shape.join('x')}]`).join(', ');
  return `${text(inputs)} -> ${text(outputs)}`;
}

/** Operations of a record, and bytes that it must read and write, by its op's cost. */
export function recordCost({ def, inputs, outputs, attrs }: ProgramRecord): Cost {
  return def.cost(inputs, outputs, attrs);
}

/** The listing of a program. */
export function describeRecords(records: readonly ProgramRecord[], device: DeviceName, bytes: number): string {
  const rows = records.map((r, i) => [String(i), r.def.name, signature(r), String(recordCost(r).bytes)]);
  const kib = (bytes / 1024).toFixed(1);
  return `Program(${records.length} records on ${device}, ${kib} KiB of results)\n${table(['#', 'op', 'shapes', 'bytes'], rows)}`;
}
