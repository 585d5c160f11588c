import type { EngineGenerateOptions } from '../language-engine';
import type { Flag, Flags } from './flags';

/** Flags of the commands that generate. */
export const samplingFlags: readonly Flag[] = [
  {
    name: 'max-tokens',
    short: 'n',
    value: 'N',
    help: 'most tokens to generate (default: what fits the context, at most 256)',
  },
  { name: 'min-tokens', value: 'N', help: 'fewest tokens to generate' },
  {
    name: 'temperature',
    value: 'X',
    help: '0 takes the most likely token (default: 0, or 1 when another setting or a seed draws)',
  },
  { name: 'top-k', value: 'K', help: 'keep the K most likely tokens; 0 is off' },
  { name: 'top-p', value: 'P', help: 'keep the most likely tokens that together reach P; 1 is off' },
  { name: 'min-p', value: 'P', help: 'drop tokens below P times the largest probability; 0 is off' },
  { name: 'typical-p', value: 'P', help: 'keep the most typical tokens that together reach P; 1 is off' },
  { name: 'repetition-penalty', value: 'X', help: 'divide the logits of tokens seen before; 1 is off' },
  { name: 'presence-penalty', value: 'X', help: 'subtract from the logits of generated tokens; 0 is off' },
  { name: 'frequency-penalty', value: 'X', help: 'subtract for every occurrence in the output; 0 is off' },
  { name: 'seed', value: 'N', help: 'the same seed gives the same text' },
  { name: 'stop', value: 'TEXT', help: 'stop before this text; may be given several times' },
  { name: 'stop-ids', value: '1,2', help: 'stop at these token ids' },
  { name: 'ignore-eos', help: 'go on after the end of the text' },
  { name: 'prompt-lookup', help: 'guess tokens from the text so far: faster where it repeats itself, the same tokens' },
];

/** The options of a generation that the flags give. */
export function samplingOptions(flags: Flags): EngineGenerateOptions {
  const given = {
    maxTokens: flags.whole('max-tokens'),
    minTokens: flags.whole('min-tokens'),
    temperature: flags.number('temperature'),
    topK: flags.whole('top-k'),
    topP: flags.number('top-p'),
    minP: flags.number('min-p'),
    typicalP: flags.number('typical-p'),
    repetitionPenalty: flags.number('repetition-penalty'),
    presencePenalty: flags.number('presence-penalty'),
    frequencyPenalty: flags.number('frequency-penalty'),
    seed: seedOf(flags),
    stop: flags.texts('stop'),
    stopIds: flags.list('stop-ids'),
    ignoreEos: flags.has('ignore-eos') || undefined,
    promptLookup: flags.has('prompt-lookup') || undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as EngineGenerateOptions;
}

function seedOf(flags: Flags): number | bigint | undefined {
  const text = flags.text('seed');
  if (text === undefined) return undefined;
  if (!/^\d{1,20}$/.test(text)) throw flags.fault(`expected a whole number from 0 for --seed, received "${text}".`);
  const seed = BigInt(text);
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
}
