import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTensorValues } from '../../src/load/read-tensor';
import { openSafetensors } from '../../src/load/safetensors';

/** How far another float32 engine is from the float64 definition, over all positions of all cases. */
export interface GoldenDistance {
  readonly mean_abs_difference: number;
  readonly share_of_positions_over_1e_4: number;
  readonly top1_agreement: number;
}

/** A prompt with its greedy continuations: `greedy64` by the float64 definition, `greedy` by transformers in float32. */
export interface GoldenCase {
  readonly ids: readonly number[];
  readonly greedy64: readonly number[];
  readonly greedy: readonly number[];
  readonly same: number;
  readonly smallest_gap: number;
}

/** `golden.json` and `golden.safetensors` of a directory. */
export interface Golden {
  readonly cases: readonly GoldenCase[];
  readonly summary: {
    readonly positions: number;
    readonly max_abs_logit: number;
    readonly greedy_same_as_float64: number;
    readonly of: number;
    readonly transformers: GoldenDistance;
    readonly numpy32: GoldenDistance;
  };
  /** Names of the recorded tensors: `case{i}.logits64`, `case{i}.logits` (first 8 cases), `case0.layers.{l}.{module}`. */
  readonly names: readonly string[];
  shape(name: string): readonly number[];
  /** Values in row-major order; fails when there is no such tensor. */
  values(name: string): Promise<Float64Array>;
}

/** Reads the goldens of `models/rotor-tiny/golden` or of a directory in `test/golden`. */
export async function loadGolden(dir: string): Promise<Golden> {
  const json = JSON.parse(readFileSync(join(dir, 'golden.json'), 'utf8')) as Pick<Golden, 'cases' | 'summary'>;
  const { tensors } = await openSafetensors(join(dir, 'golden.safetensors'));
  const entry = (name: string) => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`no golden tensor ${name} in ${dir}`);
    return found;
  };
  return {
    ...json,
    names: [...tensors.keys()],
    shape: (name) => entry(name).shape,
    values: async (name) => readTensorValues(entry(name)),
  };
}
