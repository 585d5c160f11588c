import type { BitNet } from '../model/bitnet';
import { Engine, maxSlots } from './engine';
import type { Generation } from './generation';
import type { GenerateOptions } from './options';
import { resolveRequests } from './options';
import type { TextCodec } from './result';

/**
 * Continues prompts of token ids, side by side, on captured programs. A prompt gives the same tokens alone and in any batch,
 * with any number of threads, seeded or not. One that fails, such as by a key beyond an f16 cache, takes no other with it: see
 * `GenerateResult.error`.
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
  const { listener, cacheType } = options;
  const engine = new Engine(
    model,
    {
      slots: Math.min(requests.length, maxSlots),
      // The last token drawn is never run.
      length: Math.max(...requests.map((r) => r.prompt.length + Math.max(r.maxTokens, 1) - 1)),
      readAhead: 0,
      ...(cacheType === undefined ? {} : { cacheType }),
      ...(listener === undefined ? {} : { listener }),
    },
    codec,
    {
      drafts: Math.min(
        requests.reduce((sum, r) => sum + (r.lookup?.tokens ?? 0), 0),
        maxSlots,
      ),
      once: true,
    },
  );
  return engine.start(requests, options);
}
