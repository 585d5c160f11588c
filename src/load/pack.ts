import type { ScaleRule } from '../model/config';
import { LoadError } from '../native/errors';
import type { TernaryPart } from '../ops/ternary-weights';
import { planesFromFloat, planesFromHf, ternaryFromParts } from '../ops/ternary-weights';
import type { DeviceName } from '../tensor/dtype';
import { moveTo } from '../tensor/move';
import type { Tensor } from '../tensor/tensor';
import type { Ternary } from '../tensor/ternary';

/** A matrix as the checkpoint has it. */
export interface WeightPart {
  /** Its name, for error texts. */
  readonly name: string;
  /** u8 `[N / 4, K]` packed codes, or bf16 or f32 `[N, K]` masters. */
  readonly weight: Tensor;
  /** Stored scale of packed codes. */
  readonly scale: number | undefined;
}

/**
 * Merges matrices over the same input into one, packed for `device`.
 *
 * @param rule how a stored scale is applied, or that the weights are masters
 * @returns the matrix, and the number of rows of each part
 * @throws LoadError, naming the part, for codes that are no weights and masters that are not finite
 */
export function packParts(
  parts: readonly WeightPart[],
  rule: ScaleRule,
  device: DeviceName,
): { weight: Ternary; rows: number[] } {
  const split: TernaryPart[] = [];
  try {
    for (const part of parts) split.push(splitPart(part, rule, device));
    const weight = ternaryFromParts(split, parts[0].weight.shape[1], device);
    return { weight, rows: split.map(({ planes }) => planes.shape[1]) };
  } finally {
    for (const { planes } of split) planes.dispose();
  }
}

// A GPU splits and packs its weights itself.
function splitPart({ name, weight, scale }: WeightPart, rule: ScaleRule, device: DeviceName): TernaryPart {
  const here = device === 'reference' ? weight : moveTo(weight, device);
  try {
    if (rule === 'online') return planesFromFloat(here);
    const stored = scale as number; // `checkTensors` made sure that packed weights have one
    return { planes: planesFromHf(here), scale: rule === 'multiply' ? stored : 1 / stored };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    throw new LoadError(`${name}: ${error.message}`, {
      op: 'loadBitNet',
      details: { ...error.details, tensor: name },
      cause: error,
    });
  } finally {
    if (here !== weight) here.dispose();
  }
}
