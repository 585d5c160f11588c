import type { Tensor } from '../tensor/tensor';
import type { OpDef, TensorSpec } from './schema';

/** Whoever collects op calls while a program is captured. */
export interface Recorder {
  record(def: OpDef<unknown>, inputs: readonly Tensor[], attrs: unknown, specs: readonly TensorSpec[]): Tensor[];
}

let active: Recorder | undefined;

/** The recorder that calls go to now, if a program is being captured. */
export function activeRecorder(): Recorder | undefined {
  return active;
}

/** Sends the calls made by `body` to `recorder`. */
export function withRecorder<T>(recorder: Recorder, body: () => T): T {
  const outer = active;
  active = recorder;
  try {
    return body();
  } finally {
    active = outer;
  }
}
