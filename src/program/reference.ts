import type { Operand } from '../ops/record';
import type { RefArray } from '../ops/schema';
import { readElements } from '../tensor/read';
import { VirtualStorage } from '../tensor/storage';
import type { ProgramRecord } from './plan';

/** Runs one record of a program on the reference device. */
export function runRecord({ def, inputs, attrs, outputs }: ProgramRecord): void {
  const results = outputs.map(refArray);
  for (const y of results) y.data.fill(0);
  def.reference(inputs.map(refArray), attrs, results);
}

function refArray(x: Operand): RefArray {
  // The program may read its own temporaries, which nobody else may.
  const storage = x.storage instanceof VirtualStorage ? (x.storage.place?.storage ?? x.storage) : x.storage;
  return { dtype: x.dtype, shape: x.shape, data: readElements(storage, x) };
}
