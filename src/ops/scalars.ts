import { DTypeError, OptionError } from '../native/errors';
import { describe } from '../native/options';
import { integerRange } from '../tensor/dtype';
import { keep } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { constant } from './fill';
import { activeRecorder } from './recorder';

/** What the elementwise ops take as an operand: a number becomes a tensor of the other operand's dtype and device. */
export type Operable = Tensor | number | boolean;

/**
 * Calls `body` with every value as a tensor. Numbers take dtype and device of the first tensor (or of `like`).
 *
 * @throws OptionError without a tensor or for another type of value; DTypeError for a fraction beside whole numbers
 */
export function withTensors<T>(
  op: string,
  values: readonly Operable[],
  body: (tensors: Tensor[]) => T,
  like?: Tensor,
): T {
  const model = values.find((v): v is Tensor => v instanceof Tensor) ?? like;
  if (model === undefined)
    throw new OptionError('expected at least one tensor, received numbers. Make one with tensor().', { op });
  const made: Tensor[] = [];
  const tensors = values.map((v) => {
    if (v instanceof Tensor) return v;
    const one = scalar(op, v, model);
    made.push(one);
    return one;
  });
  try {
    return body(tensors);
  } finally {
    // A program that is being captured reads its constants at every step.
    if (activeRecorder() === undefined) for (const x of made) x.dispose();
    else made.forEach(keep);
  }
}

function scalar(op: string, value: unknown, { dtype, device }: Tensor): Tensor {
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    throw new OptionError(`expected a tensor or a number, received ${describe(value)}. Convert arrays with tensor().`, {
      op,
    });
  }
  const range = integerRange[dtype];
  const v = Number(value);
  if (range !== undefined && !(Number.isInteger(v) && v >= range[0] && v <= range[1])) {
    throw new DTypeError(
      `expected a whole number from ${range[0]} to ${range[1]} beside a tensor of dtype ${dtype}, received ${v}. Convert the tensor with cast('f32').`,
      { op },
    );
  }
  return constant(v, dtype, device);
}
