import type { ScaleRule } from '../model/config';
import { LoadError } from '../native/errors';
import type { TernaryPart } from '../ops/ternary-weights';
import { gather } from '../ops/gather';
import { planesFromFloat, planesFromHf, ternaryFromParts } from '../ops/ternary-weights';
import type { DeviceName } from '../tensor/dtype';
import { tensor } from '../tensor/create';
import { keep, scope } from '../tensor/scope';
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

/**
 * Some neurons of matrices over the same input, merged and packed for `cpu`.
 *
 * @param parts packed codes
 * @param axis whether the neurons are rows or columns of them
 * @throws LoadError as {@link packParts}
 */
export function packNeurons(
  parts: readonly WeightPart[],
  rule: ScaleRule,
  axis: 'rows' | 'columns',
  neurons: Int32Array,
): Ternary {
  return scope(() => {
    const at = tensor(neurons);
    const split = parts.map((part): TernaryPart => {
      if (axis === 'columns') return splitPart({ ...part, weight: gather(part.weight, at, 1) }, rule, 'cpu');
      const { planes, scale } = splitPart(part, rule, 'cpu');
      return { planes: gather(planes, at, 1), scale };
    });
    const weight = ternaryFromParts(split, axis === 'columns' ? neurons.length : parts[0].weight.shape[1], 'cpu');
    keep(weight.packed);
    keep(weight.rowScale);
    return weight;
  });
}

/** Planes and scale of a matrix. A GPU splits and packs its weights itself. */
export function splitPart({ name, weight, scale }: WeightPart, rule: ScaleRule, device: DeviceName): TernaryPart {
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
