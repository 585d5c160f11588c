import { inspect } from 'node:util';

import { OptionError } from '../native/errors';
import { compareArrays } from '../ops/compare';
import { runNative } from '../ops/dispatch';
import type { Operand } from '../ops/record';
import type { RefArray } from '../ops/schema';
import { writtenInputs } from '../ops/schema';
import { packedPlanes } from '../ops/ternary-weights';
import { empty, fromTypedArray } from '../tensor/create';
import type { DeviceName, TypedArray } from '../tensor/dtype';
import { dtypeBytes, typedZeros } from '../tensor/dtype';
import { readElements } from '../tensor/read';
import { sizeOf } from '../tensor/shape';
import type { Storage } from '../tensor/storage';
import { ReferenceStorage, VirtualStorage } from '../tensor/storage';
import { Tensor } from '../tensor/tensor';
import { table } from './format';
import type { ProgramRecord } from './plan';

/** One compared result of one record. */
export interface DiffRow {
  /** Number of the record in the program. */
  readonly record: number;
  readonly op: string;
  /** Output number, or `in N` for an input that the op writes into. */
  readonly result: string;
  readonly shape: readonly number[];
  /** Largest distance from the reference. */
  readonly maxError: number;
  /** What the op's tolerance allows. */
  readonly limit: number;
  readonly ok: boolean;
}

/** What `program.diff()` found. */
export class ProgramDiff {
  constructor(readonly rows: readonly DiffRow[]) {}

  /** Whether every result is within its tolerance. */
  get ok(): boolean {
    return this.rows.every((r) => r.ok);
  }

  toString(): string {
    const head = ['#', 'op', 'result', 'shape', 'max error', 'limit', 'ok'];
    const cells = this.rows.map((r) => [
      String(r.record),
      r.op,
      r.result,
      r.shape.join('x'),
      r.maxError.toExponential(2),
      r.limit.toExponential(2),
      r.ok ? 'yes' : 'NO',
    ]);
    return table(head, cells);
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** See `Program.diff`. */
export function diffProgram(records: readonly ProgramRecord[], device: DeviceName): ProgramDiff {
  const world = new Shadow(records, device);
  return new ProgramDiff(records.flatMap((record, i) => diffRecord(world, record, i)));
}

function diffRecord(world: Shadow, { def, inputs, attrs, outputs }: ProgramRecord, index: number): DiffRow[] {
  const given = inputs.map((x) => world.read(x));
  const native = inputs.map((x, i) => world.onDevice(x, given[i]));
  const results = outputs.map((y) => empty(y.shape, y.dtype, world.device));
  try {
    runNative(def, native, attrs, results);
    const want = outputs.map(({ dtype, shape }) => ({
      dtype,
      shape,
      data: typedZeros(dtype, 'reference', sizeOf(shape)),
    }));
    def.reference(given, attrs, want);
    const rows = results.map((y, i) => row(index, def.name, String(i), y, want[i].data, def.tolerance));
    outputs.forEach((y, i) => world.write(y, want[i].data));
    for (const i of writtenInputs(def, inputs)) {
      rows.push(row(index, def.name, `in ${i}`, native[i], given[i].data, def.tolerance));
      world.write(inputs[i], given[i].data);
    }
    return rows;
  } finally {
    for (const x of [...native, ...results]) x.dispose();
  }
}

function row(
  record: number,
  op: string,
  result: string,
  got: Tensor,
  want: TypedArray,
  tolerance: ProgramRecord['def']['tolerance'],
): DiffRow {
  const { maxError, limit, badIndex } = compareArrays(tolerance, got.dtype, got.data(), want);
  return { record, op, result, shape: got.shape, maxError, limit, ok: badIndex < 0 };
}

// The program's memory as the reference sees it: float64 copies of everything that the program writes.
class Shadow {
  readonly #copies = new Map<Storage, ReferenceStorage>();

  constructor(
    records: readonly ProgramRecord[],
    readonly device: DeviceName,
  ) {
    for (const { def, inputs, outputs } of records) {
      for (const y of outputs) this.#add(y);
      for (const i of writtenInputs(def, inputs)) {
        if (!this.#copies.has(inputs[i].storage))
          this.#add(inputs[i]).set(inputs[i].storage.elements(inputs[i].dtype, 0, this.#length(inputs[i])));
      }
    }
  }

  // A fresh contiguous array of an operand's values, float32 ones rounded: what both sides are fed with.
  read(x: Operand): RefArray {
    const copy = this.#copies.get(x.storage);
    if (copy === undefined && x.storage instanceof VirtualStorage) {
      throw new OptionError('expected a program of a native device, received one on "reference".', { op: 'diff' });
    }
    if (x.storage.layout !== undefined) {
      const planes = packedPlanes(new Tensor(x.storage, x.dtype, x.shape, x.strides, x.offset));
      return { dtype: x.dtype, shape: [planes.length], data: planes };
    }
    const data = readElements(copy ?? x.storage, x);
    return {
      dtype: x.dtype,
      shape: x.shape,
      data: x.dtype === 'f32' ? Float64Array.from(data, Math.fround) : data.slice(),
    };
  }

  // The same values for the kernel: constants where they are, everything else as a copy.
  onDevice(x: Operand, { dtype, shape, data }: RefArray): Tensor {
    if (!this.#copies.has(x.storage)) return new Tensor(x.storage, x.dtype, x.shape, x.strides, x.offset);
    return fromTypedArray(dtype === 'f32' ? Float32Array.from(data) : data, {
      dtype,
      shape,
      device: this.device,
    });
  }

  write(x: Operand, data: TypedArray): void {
    this.#copies.get(x.storage)?.elements(x.dtype, x.offset, data.length).set(data);
  }

  #add(x: Operand): TypedArray {
    const length = this.#length(x);
    const copy = new ReferenceStorage(x.dtype, length);
    this.#copies.set(x.storage, copy);
    return copy.elements(x.dtype, 0, length);
  }

  #length(x: Operand): number {
    return Math.floor(x.storage.bytes / dtypeBytes(x.dtype));
  }
}
