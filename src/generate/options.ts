import type { BitNet } from '../model/bitnet';
import { checkIds } from '../model/rows';
import type { SamplerParams } from '../model/step-state';
import { ContextError, OptionError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import type { CacheType } from '../ops/kv';
import { checkCacheType } from '../ops/kv';
import type { TapListener } from '../program/tap';
import type { PromptLookup } from './lookup';
import { isSeed, randomSeed, type Seed } from './seed';
import type { Wanted } from './sequence';

/** How one prompt is continued. Leave everything out for the most likely tokens, at most 256 of them. */
export interface SequenceOptions {
  /** Most tokens to draw, from 0. Default: what fits the context, at most 256. */
  readonly maxTokens?: number;
  /** End-of-text and stop ids cannot be drawn, and stop strings are not looked for, before this many tokens. Default 0. */
  readonly minTokens?: number;
  /** 0 takes the most likely token. Default: 1 when topK, topP, minP, typicalP or seed is given, else 0. */
  readonly temperature?: number;
  /** Draw from the k most likely tokens; 0 is off. */
  readonly topK?: number;
  /** Draw from the most likely tokens that together reach this probability (Holtzman et al. 2020); 1 is off. */
  readonly topP?: number;
  /** Drop tokens below this fraction of the largest probability (Nguyen et al. 2024); 0 is off. */
  readonly minP?: number;
  /** Keep tokens whose information is nearest to the entropy, up to this probability (Meister et al. 2022); 1 is off. */
  readonly typicalP?: number;
  /** Divides (negative: multiplies) logits of tokens in prompt or output (Keskar et al. 2019); 1 is off. */
  readonly repetitionPenalty?: number;
  /** Subtracted from logits of tokens in the output; 0 is off. */
  readonly presencePenalty?: number;
  /** Subtracted for every occurrence in the output; 0 is off. */
  readonly frequencyPenalty?: number;
  /** Added to the logits, by token id; -Infinity forbids a token. */
  readonly logitBias?: ReadonlyMap<number, number> | Readonly<Record<number, number>>;
  /** A whole number from 0 below 2^64. Random when absent; the result has the one in force. */
  readonly seed?: Seed;
  /** Strings that end the text; they are not part of it. */
  readonly stop?: string | readonly string[];
  /** Ids that end the sequence. */
  readonly stopIds?: readonly number[];
  /** Continue after an end-of-text id. Default false. */
  readonly ignoreEos?: boolean;
  /**
   * Guesses the next tokens from what followed the last few before, and checks them in one step: faster where a text repeats
   * itself or its prompt. The tokens are the same as without, drawn or not. Default false.
   */
  readonly promptLookup?: boolean | PromptLookupOptions;
}

/** How `promptLookup` guesses. */
export interface PromptLookupOptions {
  /** Longest run of last tokens to look for, 1 to 16. Default 3. */
  readonly ngram?: number;
  /** Most tokens to guess at once, 1 to 16. Default 3. */
  readonly tokens?: number;
}

/** How far a prompt is, in tokens of all prompts. */
export interface PrefillProgress {
  readonly done: number;
  readonly total: number;
  readonly label: string;
}

/** Options of `generate`. */
export interface GenerateOptions extends Omit<SequenceOptions, 'seed'> {
  /**
   * One seed for every prompt, or one each. A prompt with a seed gives the same tokens alone and at any place in a batch, so
   * equal prompts with one seed give equal texts: pass a list to draw several.
   */
  readonly seed?: Seed | readonly Seed[];
  /** Options that differ from prompt to prompt; they win over the others. */
  readonly perSequence?: readonly SequenceOptions[];
  /**
   * Whether the result has the log probability of each token. It is over all logits, so that a step reads the whole head from the
   * checkpoint, which then stays in memory (0.7 GB for 128,256 tokens of 2,560 values), where a draw alone reads a copy of half
   * the size. Default false.
   */
  readonly logprobs?: boolean;
  /** How many of the most likely tokens to report with each token, 0 to 20. Default 0. */
  readonly topLogprobs?: number;
  /** Whether the result has log probabilities of the prompt; a number adds that many most likely tokens each. Default false. */
  readonly promptLogprobs?: boolean | number;
  /**
   * How keys and values are kept: `f32` (default) exactly, `f16` in half and `i8` in a quarter of the memory, which makes long
   * contexts faster.
   */
  readonly cacheType?: CacheType;
  /** Stops between two steps, or two chunks of a prompt, with what was made so far. */
  readonly signal?: AbortSignal;
  /** Called while prompts run. */
  readonly onProgress?: (progress: PrefillProgress) => void;
  /** Hooks that become part of the programs. */
  readonly listener?: TapListener;
}

/** A prompt with its options checked and filled in. */
export interface Request {
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly params: SamplerParams;
  readonly bias: ReadonlyMap<number, number>;
  readonly seed: Seed;
  readonly stop: readonly string[];
  readonly stopIds: ReadonlySet<number>;
  readonly eosIds: ReadonlySet<number>;
  /** How to guess tokens, if at all. */
  readonly lookup: PromptLookup | undefined;
}

const OP = 'generate';
const sequenceNames = [
  'maxTokens',
  'minTokens',
  'temperature',
  'topK',
  'topP',
  'minP',
  'typicalP',
  'repetitionPenalty',
  'presencePenalty',
  'frequencyPenalty',
  'logitBias',
  'seed',
  'stop',
  'stopIds',
  'ignoreEos',
  'promptLookup',
];
const sharedNames = [
  'perSequence',
  'logprobs',
  'topLogprobs',
  'promptLogprobs',
  'cacheType',
  'signal',
  'onProgress',
  'listener',
];
const defaultMaxTokens = 256;

/**
 * Checks prompts and options.
 *
 * @throws OptionError for a name or value that is not an option, or an empty prompt; ContextError when prompt and maxTokens
 *   do not fit the context
 * @param context most positions of a prompt and its output
 */
export function resolveRequests(
  model: BitNet,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
  hasCodec: boolean,
  context = model.config.maxPositionEmbeddings,
): Request[] {
  checkOptions(OP, options, [...sequenceNames, ...sharedNames]);
  if (!Array.isArray(prompts) || prompts.length === 0) {
    throw new OptionError(`expected at least one prompt, received ${describe(prompts)}.`, { op: OP });
  }
  checkShared(options);
  const { seed, perSequence } = options;
  const seeds = Array.isArray(seed) ? (seed as readonly Seed[]) : undefined;
  for (const [name, list] of Object.entries({ seed: seeds, perSequence })) {
    if (list !== undefined && !(Array.isArray(list) && list.length === prompts.length)) {
      throw bad(name, `one entry for each of ${prompts.length} prompts`, list);
    }
  }
  return prompts.map((prompt, i) => {
    const own = perSequence?.[i];
    checkOptions(`${OP} perSequence[${i}]`, own, sequenceNames);
    const given = Object.entries(own ?? {}).filter(([, value]) => value !== undefined);
    const shared = { ...options, seed: seeds === undefined ? (seed as Seed | undefined) : seeds[i] };
    return resolve(model, prompt, { ...shared, ...Object.fromEntries(given) }, hasCodec, context);
  });
}

/** Which extras the options ask for. */
export function wantedOf({ logprobs = false, topLogprobs = 0, promptLogprobs = false }: GenerateOptions): Wanted {
  const listed = promptLogprobs === true ? 0 : promptLogprobs;
  return { logprobs, topLogprobs, promptLogprobs: listed === false ? undefined : listed };
}

function resolve(
  model: BitNet,
  prompt: readonly number[],
  options: SequenceOptions,
  hasCodec: boolean,
  context: number,
): Request {
  const { config } = model;
  checkIds(OP, prompt, config);
  const room = context - prompt.length;
  const maxTokens = whole('maxTokens', options.maxTokens ?? Math.max(1, Math.min(defaultMaxTokens, room)), 0);
  if (maxTokens > room) {
    throw new ContextError(
      `expected a prompt and maxTokens of at most ${context} positions together, received ${prompt.length} and ${maxTokens}. Shorten the prompt or ask for fewer tokens.`,
      { op: OP, details: { limit: context, promptTokens: prompt.length, maxTokens } },
    );
  }
  const minTokens = whole('minTokens', options.minTokens ?? 0, 0);
  if (minTokens > maxTokens) throw bad('minTokens', `at most maxTokens (${maxTokens})`, minTokens);
  const stop = stopStrings(options.stop);
  if (stop.length > 0 && !hasCodec) {
    throw new OptionError('expected no stop strings for a model without a tokenizer, received some. Use stopIds.', {
      op: OP,
    });
  }
  const { seed = randomSeed(), ignoreEos = false } = options;
  if (!isSeed(seed)) throw bad('seed', 'a whole number from 0 below 2^64 (a bigint beyond 2^53)', seed);
  if (typeof ignoreEos !== 'boolean') throw bad('ignoreEos', 'true or false', ignoreEos);
  return {
    prompt: Array.from(prompt),
    maxTokens,
    minTokens,
    params: samplerParams(options),
    bias: biases(options.logitBias, config.vocabSize),
    seed,
    stop,
    stopIds: new Set(tokenList(options.stopIds, config.vocabSize)),
    eosIds: new Set(ignoreEos ? [] : config.eosTokenIds),
    lookup: lookupOf(options.promptLookup),
  };
}

function samplerParams(options: SequenceOptions): SamplerParams {
  const { topK, topP, minP, typicalP, seed } = options;
  const draws = [topK, topP, minP, typicalP, seed].some((x) => x !== undefined);
  return {
    temperature: number('temperature', options.temperature ?? (draws ? 1 : 0), 0, 1e6),
    topK: whole('topK', topK ?? 0, 0),
    topP: number('topP', topP ?? 1, 0, 1),
    minP: number('minP', minP ?? 0, 0, 1),
    typicalP: number('typicalP', typicalP ?? 1, 0, 1),
    repetition: number('repetitionPenalty', options.repetitionPenalty ?? 1, 1e-3, 1e3),
    presence: number('presencePenalty', options.presencePenalty ?? 0, -1e3, 1e3),
    frequency: number('frequencyPenalty', options.frequencyPenalty ?? 0, -1e3, 1e3),
  };
}

function lookupOf(given: SequenceOptions['promptLookup'] = false): PromptLookup | undefined {
  if (given === false) return undefined;
  const settings = given === true ? {} : given;
  checkOptions(`${OP} promptLookup`, settings, ['ngram', 'tokens']);
  const { ngram = 3, tokens = 3 } = settings;
  return { ngram: whole('promptLookup.ngram', ngram, 1, 16), tokens: whole('promptLookup.tokens', tokens, 1, 16) };
}

function checkShared(options: GenerateOptions): void {
  const { logprobs = false, topLogprobs = 0, promptLogprobs = false, cacheType = 'f32', signal, onProgress } = options;
  if (typeof logprobs !== 'boolean') throw bad('logprobs', 'true or false (topLogprobs is a number)', logprobs);
  whole('topLogprobs', topLogprobs, 0, 20);
  if (typeof promptLogprobs !== 'boolean') whole('promptLogprobs', promptLogprobs, 0, 20);
  checkCacheType(OP, cacheType);
  if (signal !== undefined && typeof (signal as { aborted?: unknown } | null)?.aborted !== 'boolean')
    throw bad('signal', 'an AbortSignal', signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') throw bad('onProgress', 'a function', onProgress);
}

function stopStrings(stop: SequenceOptions['stop'] = []): readonly string[] {
  const list: readonly unknown[] = typeof stop === 'string' ? [stop] : stop;
  if (!Array.isArray(list) || !list.every((s) => typeof s === 'string' && s !== ''))
    throw bad('stop', 'a string or strings, not empty', stop);
  return list as readonly string[];
}

function tokenList(ids: readonly number[] = [], vocabSize: number): readonly number[] {
  if (!Array.isArray(ids)) throw bad('stopIds', 'an array of token ids', ids);
  for (const id of ids as readonly number[]) checkToken('stopIds', id, vocabSize);
  return ids;
}

function biases(given: SequenceOptions['logitBias'] = {}, vocabSize: number): ReadonlyMap<number, number> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw bad('logitBias', 'a map from token id to number', given);
  const pairs: Iterable<readonly [unknown, unknown]> = Symbol.iterator in given ? given : Object.entries(given);
  const map = new Map<number, number>();
  for (const [key, value] of pairs) {
    const id = Number(key);
    checkToken('logitBias', id, vocabSize);
    if (typeof value !== 'number' || !(value < Infinity)) throw bad('logitBias', 'numbers below infinity', value);
    map.set(id, value);
  }
  return map;
}

function checkToken(name: string, id: number, vocabSize: number): void {
  if (!(Number.isInteger(id) && id >= 0 && id < vocabSize)) throw bad(name, `token ids from 0 to ${vocabSize - 1}`, id);
}

function whole(name: string, value: unknown, min: number, max = 2147483647): number {
  if (!Number.isInteger(value)) throw bad(name, `a whole number from ${min} to ${max}`, value);
  return number(name, value, min, max);
}

function number(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max))
    throw bad(name, `a number from ${min} to ${max}`, value);
  return value;
}

function bad(name: string, expected: string, received: unknown): OptionError {
  return new OptionError(`expected ${name} to be ${expected}, received ${describe(received)}.`, {
    op: OP,
    details: { option: name },
  });
}
