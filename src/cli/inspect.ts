import { writeSafetensors } from '../load/write-safetensors';
import type { Tensor } from '../tensor/tensor';
import { scope } from '../tensor/scope';
import type { Command, Context } from './command';
import { commonFlags, inputFlags, inputOf, modelFlags, openModel, statusLine } from './model-flags';
import { print, printJson } from './output';

/** `rotor inspect`: writes values from inside a run to a file. */
export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'write logits and tapped values of one run to a file',
  usage: 'rotor inspect --model PATH (--prompt TEXT | --ids 1,2,3) [--taps NAMES] --out FILE.safetensors [flags]',
  flags: [
    ...modelFlags,
    ...inputFlags,
    { name: 'taps', value: 'NAMES', help: 'names separated by commas, * for any characters: blocks.*.hook_resid_post' },
    {
      name: 'out',
      short: 'o',
      value: 'FILE',
      help: 'safetensors file for the values, float32; the logits are named logits',
      required: true,
    },
    ...commonFlags,
  ],
  run,
};

async function run(context: Context): Promise<number> {
  const { flags, signal } = context;
  const input = inputOf(flags);
  const names = flags
    .text('taps')
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const out = flags.text('out') ?? '';
  const model = await openModel(context, statusLine(flags));
  try {
    const entries = scope(() => {
      if (names === undefined || names.length === 0) return [entry('logits', model.run(input))];
      const { logits, cache } = model.runWithCache(input, { namesFilter: names });
      try {
        return [entry('logits', logits), ...cache.entries().map(([name, value]) => entry(name, value))];
      } finally {
        cache.dispose();
      }
    });
    signal.throwIfAborted();
    await writeSafetensors(out, entries);
    const tensors = entries.map(({ name, shape }) => ({ name, shape }));
    if (flags.has('json')) await printJson({ file: out, tensors });
    else
      await print(
        `${tensors.map(({ name, shape }) => `${name}  [${shape.join(', ')}]`).join('\n')}\nwritten to ${out}\n`,
      );
    return 0;
  } finally {
    model.dispose();
  }
}

// Values of every dtype as float32; those of the 8-bit and logical types are exact.
function entry(
  name: string,
  value: Tensor,
): { name: string; dtype: 'f32'; shape: readonly number[]; data: Float32Array } {
  return { name, dtype: 'f32', shape: value.shape, data: Float32Array.from(value.toFloat64Array()) };
}
