import type { GenerateOptions, GenerateResult, TextCodec } from '../../src/generate';
import { generate } from '../../src/generate';
import { loadBitNet } from '../../src/load/load-model';
import type { BitNet } from '../../src/model/bitnet';
import type { DeviceName } from '../../src/tensor/dtype';
import { loadTokenizer, type Tokenizer } from '../../src/text';
import { MODELS } from '../load/fixtures';

/** Prompts of different lengths, from one token up. */
export const prompts: readonly (readonly number[])[] = [
  [0],
  [0, 3526, 262, 2729],
  [0, 745, 14, 262, 1319, 1483, 270],
  Array.from({ length: 70 }, (_, i) => (i === 0 ? 0 : 10 + ((i * 37) % 4000))),
  Array.from({ length: 23 }, (_, i) => (i === 0 ? 0 : 4000 - i * 11)),
];

export function tinyModel(device: DeviceName = 'cpu'): Promise<BitNet> {
  return loadBitNet(MODELS.tiny, { device });
}

export async function tinyTokenizer(): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(MODELS.tiny);
  if (tokenizer === undefined) throw new Error('the bundled model has a tokenizer');
  return tokenizer;
}

/** The result of one prompt. */
export async function one(
  model: BitNet,
  prompt: readonly number[],
  options: GenerateOptions,
  codec?: TextCodec,
): Promise<GenerateResult> {
  return (await generate(model, [prompt], options, codec).result())[0];
}
