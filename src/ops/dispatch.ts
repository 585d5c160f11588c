import { fromNative, native } from '../native/addon';
import { DeviceError, ShapeError } from '../native/errors';
import { empty } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import { copyDef } from './copy';
import { opcodeOf, RecordBlock } from './record';
import { activeRecorder } from './recorder';
import type { OpDef, RefArray } from './schema';

const scratch = new RecordBlock(1);

/**
 * Calls an op: records it while a program is captured, else runs it at once on the device of its inputs.
 *
 * @param device where the op runs when it has no inputs
 * @returns the outputs; new tensors
 * @throws whatever the op's `infer` or its kernel finds wrong; DeviceError when the inputs live on different devices
 */
export function call<A>(def: OpDef<A>, inputs: readonly Tensor[], attrs: A, device?: DeviceName): Tensor[] {
  const where = deviceOf(def.name, inputs, device);
  const specs = def.infer(inputs, attrs);
  const recorder = activeRecorder();
  const operands = def.strided === true ? inputs : inputs.map((x, i) => compact(x, def, i));
  if (recorder !== undefined) return recorder.record(def as OpDef<unknown>, operands, attrs, specs);
  const outputs = specs.map((s) => empty(s.shape, s.dtype, where));
  try {
    if (where === 'reference') runReference(def, operands, attrs, outputs);
    else runNative(def, operands, attrs, outputs);
  } catch (error) {
    for (const x of outputs) x.dispose();
    throw error;
  } finally {
    operands.forEach((x, i) => x !== inputs[i] && x.dispose());
  }
  return outputs;
}

/** As {@link call}, for ops with one output. */
export function callOne<A>(def: OpDef<A>, inputs: readonly Tensor[], attrs: A, device?: DeviceName): Tensor {
  return call(def, inputs, attrs, device)[0];
}

function deviceOf(op: string, inputs: readonly Tensor[], fallback: DeviceName | undefined): DeviceName {
  for (const x of inputs) {
    x.checkAlive(op);
    if (x.device !== inputs[0].device) {
      throw new DeviceError(
        `expected inputs on one device, received "${inputs[0].device}" and "${x.device}". Move one with to().`,
        { op },
      );
    }
  }
  return inputs[0]?.device ?? fallback ?? 'cpu';
}

// Kernels of most ops read contiguous inputs; a view is copied first. A tensor written into cannot be a copy.
function compact<A>(x: Tensor, def: OpDef<A>, i: number): Tensor {
  if (x.isContiguous) return x;
  if (def.mutates?.includes(i)) {
    throw new ShapeError(
      `expected a contiguous tensor as input ${i}, which is written into, received a strided view.`,
      { op: def.name },
    );
  }
  return callOne(copyDef, [x], { shape: x.shape });
}

/** Runs an op's native kernel on given outputs; for the library's own use. `on` names an ISA variant and spreads small calls too. */
export function runNative<A>(
  def: OpDef<A>,
  inputs: readonly Tensor[],
  attrs: A,
  outputs: readonly Tensor[],
  on?: { variant: string; spread: boolean },
): void {
  scratch.write(0, opcodeOf(def.name), inputs, outputs, def.encode?.(attrs) ?? []);
  try {
    if (on === undefined) native().run(scratch.buffer);
    else native().run(scratch.buffer, on.variant, on.spread);
  } catch (error) {
    throw fromNative(error);
  }
}

/** Runs an op's reference on given outputs; for the library's own use. */
export function runReference<A>(def: OpDef<A>, inputs: readonly Tensor[], attrs: A, outputs: readonly Tensor[]): void {
  def.reference(inputs.map(refArray), attrs, outputs.map(refArray));
}

function refArray(x: Tensor): RefArray {
  return { dtype: x.dtype, shape: x.shape, data: x.data() };
}
