import { LoadError } from '../native/errors';
import { readTensorValues } from './read-tensor';
import type { TensorEntry } from './safetensors';

const OP = 'loadWeights';

/**
 * Reads the scale of a ternary matrix.
 *
 * @param entry a `scale` tensor that `checkTensors` accepted: one element
 * @returns the stored number; whether it multiplies or divides is a matter of the config's `scaleRule`
 * @throws LoadError if it is not finite and above zero, or cannot be read
 */
export async function readScale(entry: TensorEntry): Promise<number> {
  const [scale] = await readTensorValues(entry);
  if (Number.isFinite(scale) && scale > 0) return scale;
  throw damaged(entry, 'a finite scale above zero', String(scale));
}

/**
 * Reads the weight of an RMSNorm.
 *
 * @param entry a `norm` tensor that `checkTensors` accepted
 * @returns its values as float32, exact
 * @throws LoadError if a value is not finite, or the tensor cannot be read
 */
export async function readNorm(entry: TensorEntry): Promise<Float32Array> {
  const values = Float32Array.from(await readTensorValues(entry));
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return values;
  throw damaged(entry, 'finite values', `${values[at]} at index ${at}`);
}

function damaged({ name, file }: TensorEntry, expected: string, received: string): LoadError {
  return new LoadError(
    `expected ${name} to hold ${expected}, received ${received}, in ${file}. Fetch the weights again.`,
    {
      op: OP,
      details: { tensor: name, path: file },
    },
  );
}
