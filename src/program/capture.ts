import { CaptureError, DeviceError } from '../native/errors';
import type { Operand } from '../ops/record';
import type { Recorder } from '../ops/recorder';
import { activeRecorder, withRecorder } from '../ops/recorder';
import type { OpDef, TensorSpec } from '../ops/schema';
import type { DeviceName } from '../tensor/dtype';
import { dtypeBytes } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import { VirtualStorage } from '../tensor/storage';
import { Tensor } from '../tensor/tensor';
import type { ProgramRecord } from './plan';
import { Program } from './program';

/** What a captured function may return: tensors, in arrays and plain objects. */
export type ProgramOutputs =
  Tensor | undefined | readonly ProgramOutputs[] | { readonly [name: string]: ProgramOutputs };

class CaptureRecorder implements Recorder {
  readonly records: ProgramRecord[] = [];
  device: DeviceName | undefined;

  record(def: OpDef<unknown>, inputs: readonly Tensor[], attrs: unknown, specs: readonly TensorSpec[]): Tensor[] {
    for (const { device } of inputs) {
      this.device ??= device;
      if (device !== this.device) {
        throw new DeviceError(`expected all tensors of a program on "${this.device}", received one on "${device}".`, {
          op: def.name,
        });
      }
    }
    const device = this.device ?? 'cpu';
    const outputs = specs.map(
      (s) => new Tensor(new VirtualStorage(device, sizeOf(s.shape) * dtypeBytes(s.dtype), def.name), s.dtype, s.shape),
    );
    this.records.push({ def, inputs: inputs.map(operand), attrs, outputs: outputs.map(operand) });
    return outputs;
  }
}

// What the program keeps of a tensor, which its owner may dispose.
function operand({ storage, dtype, shape, strides, offset }: Tensor): Operand {
  return { storage, dtype, shape, strides, offset };
}

/**
 * Runs `body` once under a recorder and returns the program it describes. Nothing is computed yet: `step()` does.
 *
 * The tensors that `body` returns stay readable after each step; all other results share memory. Tensors made before the
 * capture are read (and written by ops whose name ends in `_`) where they are, each time.
 *
 * @throws CaptureError when `body` reads a value, when it records nothing, or inside another capture
 */
export function capture<T extends ProgramOutputs>(body: () => T): Program<T> {
  if (activeRecorder() !== undefined) {
    throw new CaptureError('expected no capture inside a capture. Capture the outer function only.', { op: 'capture' });
  }
  const recorder = new CaptureRecorder();
  const outputs = withRecorder(recorder, body);
  if (recorder.records.length === 0) {
    throw new CaptureError('expected the function to call at least one op, received none.', { op: 'capture' });
  }
  markReadable(outputs);
  return new Program(recorder.records, outputs, recorder.device ?? 'cpu');
}

function markReadable(outputs: ProgramOutputs): void {
  if (outputs === undefined) return;
  if (outputs instanceof Tensor) {
    if (outputs.storage instanceof VirtualStorage) outputs.storage.readable = true;
    return;
  }
  for (const item of Object.values(outputs)) markReadable(item as ProgramOutputs);
}
