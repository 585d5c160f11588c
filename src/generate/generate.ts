import type { BitNet } from '../model/bitnet';
import { Generation } from './generation';
import type { GenerateOptions } from './options';
import { resolveRequests } from './options';
import type { TextCodec } from './result';
import { Runner } from './runner';
import { Sequence } from './sequence';

/**
 * Continues prompts of token ids, all of them side by side, on captured programs. A prompt gives the same tokens alone and in
 * any batch, with any number of threads, seeded or not.
 *
 * @param codec turns ids into text; without it there are ids only
 * @throws OptionError for an unknown option, a value out of range, or an empty prompt; ContextError when a prompt and its
 *   maxTokens do not fit the context; DisposedError for a model that was disposed
 */
export function generate(
  model: BitNet,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions = {},
  codec?: TextCodec,
): Generation {
  const requests = resolveRequests(model, prompts, options, codec !== undefined);
  model.weights.embed.checkAlive('generate');
  const { logprobs = false, topLogprobs = 0, promptLogprobs = false } = options;
  const wanted = {
    logprobs,
    topLogprobs,
    promptLogprobs: promptLogprobs === false ? undefined : Number(promptLogprobs === true ? 0 : promptLogprobs),
  };
  const sequences = requests.map((request, i) => new Sequence(i, request, wanted, codec));
  return new Generation(new Runner(model, sequences, wanted, options));
}
