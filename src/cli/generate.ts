import { getThreads } from '../native/device-info';
import type { Command, Context } from './command';
import {
  cacheFlag,
  cacheOptions,
  commonFlags,
  deviceOf,
  inputFlags,
  inputOf,
  modelFlags,
  openModel,
  statusLine,
} from './model-flags';
import { print, printJson } from './output';
import { samplingFlags, samplingOptions } from './sampling-flags';
import { follow } from './stream';

/** `rotor generate`: continues a text or token ids. */
export const generateCommand: Command = {
  name: 'generate',
  summary: 'continue a text',
  usage: 'rotor generate --model PATH (--prompt TEXT | --ids 1,2,3) [flags]',
  flags: [
    ...modelFlags,
    ...inputFlags,
    ...samplingFlags,
    cacheFlag,
    { name: 'logprobs', help: 'with --json: log probability of every token' },
    { name: 'top-logprobs', value: 'N', help: 'with --json: the N most likely tokens of every step, up to 20' },
    ...commonFlags,
  ],
  run,
};

async function run(context: Context): Promise<number> {
  const { flags, signal } = context;
  const json = flags.has('json');
  const input = inputOf(flags);
  const topLogprobs = flags.whole('top-logprobs');
  const options = {
    ...samplingOptions(flags),
    ...cacheOptions(flags),
    ...(flags.has('logprobs') ? { logprobs: true } : {}),
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
    signal,
  };
  const status = statusLine(flags);
  try {
    const model = await openModel(context, status);
    try {
      const result = await follow(model.generate(input, options), {
        status,
        show: json ? 'nothing' : model.tokenizer === undefined ? 'ids' : 'text',
      });
      const threads = deviceOf(flags) === 'cpu' ? getThreads() : 1;
      if (json) await printJson({ ...result, text: result.text ?? null, device: deviceOf(flags), threads });
      return 0;
    } finally {
      model.dispose();
    }
  } catch (error) {
    status.clear();
    if (!signal.aborted) throw error;
    // Stopped before the first token.
    await (json ? printJson({ ids: [], text: '', finishReason: 'abort', timings: {} }) : print('\n'));
    return 0;
  }
}
