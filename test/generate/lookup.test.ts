import { join } from 'node:path';

import { generate, type GenerateOptions } from '../../src/generate';
import { draftOf } from '../../src/generate/lookup';
import type { BitNet } from '../../src/model/bitnet';
import { MODELS, thrown } from '../load/fixtures';
import { loadGolden } from '../load/golden';
import { one, prompts, tinyModel } from './models';

jest.setTimeout(60_000);

describe('draftOf', () => {
  const draft = (history: number[], ngram = 3, limit = 4): number[] => draftOf(history, { ngram, tokens: 4 }, limit);

  test.each<[string, number[], number, number, number[]]>([
    ['what followed the last two tokens', [1, 2, 3, 4, 5, 1, 2], 3, 4, [3, 4, 5, 1]],
    ['no more than the limit', [1, 2, 3, 4, 5, 1, 2], 3, 2, [3, 4]],
    ['nothing for a limit of 0', [1, 2, 3, 1, 2], 3, 0, []],
    ['nothing where nothing repeats', [1, 2, 3, 4], 3, 4, []],
    ['nothing for one token that repeats', [1, 2, 3, 1], 3, 4, []],
    ['one token if that is asked for', [1, 2, 3, 1], 1, 2, [2, 3]],
    ['the longest run first, though an earlier one', [1, 2, 3, 9, 8, 2, 3, 7, 1, 2, 3], 3, 2, [9, 8]],
    ['the latest of equal ones', [1, 2, 5, 1, 2, 6, 1, 2], 2, 1, [6]],
    ['a token that repeats itself, again and again', [5, 4, 4, 4], 3, 3, [4, 4, 4]],
    ['a loop, round and round', [1, 2, 3, 1, 2, 3], 3, 5, [1, 2, 3, 1, 2]],
    ['nothing of an empty or short text', [3], 3, 4, []],
  ])('%s', (_name, history, ngram, limit, want) => {
    expect(draft(history, ngram, limit)).toEqual(want);
  });
});

describe('promptLookup', () => {
  let model: BitNet;
  beforeAll(async () => {
    model = await tinyModel();
  });
  afterAll(() => model.dispose());

  const looping = Array.from({ length: 40 }, (_, i) => 30 + (i % 5));
  const same = async (prompt: readonly number[], options: GenerateOptions): Promise<number> => {
    const plain = await one(model, prompt, { ...options, promptLookup: false, logprobs: true, topLogprobs: 2 });
    const guessed = await one(model, prompt, { promptLookup: true, ...options, logprobs: true, topLogprobs: 2 });
    const { ids, logprobs, topLogprobs, finishReason } = plain;
    expect(guessed).toMatchObject({ ids, logprobs, topLogprobs, finishReason });
    const { draftedTokens, acceptedTokens, completionTokens } = guessed.usage;
    expect(acceptedTokens).toBeLessThanOrEqual(Math.min(draftedTokens, completionTokens));
    expect(plain.usage).toMatchObject({ draftedTokens: 0, acceptedTokens: 0 });
    return acceptedTokens;
  };

  test('the tokens of all golden prompts are those of plain steps', async () => {
    const golden = await loadGolden(join(MODELS.tiny, 'golden'));
    const all = golden.cases.map((c) => c.ids);
    const options = { maxTokens: 40, ignoreEos: true };
    const plain = await generate(model, all, options).result();
    const guessed = await generate(model, all, { ...options, promptLookup: { ngram: 3, tokens: 8 } }).result();
    expect(guessed.map((r) => r.ids)).toEqual(plain.map((r) => r.ids));
  });

  test.each<[string, GenerateOptions]>([
    ['greedy', {}],
    ['with penalties', { repetitionPenalty: 1.3, presencePenalty: 0.2, frequencyPenalty: 0.4 }],
    ['with biases', { logitBias: { 31: 30, 32: 29 }, frequencyPenalty: 0.5 }],
    ['drawn', { temperature: 0.7, topP: 0.9, seed: 8 }],
    ['before minTokens', { minTokens: 15, stopIds: [31, 32] }],
    ['up to a stop id', { stopIds: [33] }],
    ['one token at a time', { promptLookup: { tokens: 1 } }],
    ['many at a time', { promptLookup: { ngram: 1, tokens: 16 } }],
  ])('%s: the same tokens and log probabilities, bit for bit', async (_name, options) => {
    for (const prompt of [looping, ...prompts]) await same(prompt, { maxTokens: 30, ignoreEos: true, ...options });
  });

  test('guesses are right where a text repeats itself, and save steps', async () => {
    const logitBias = Object.fromEntries(looping.map((id) => [id, 40]));
    expect(await same(looping, { maxTokens: 48, ignoreEos: true, logitBias })).toBeGreaterThan(20);
  });

  test('the context can be filled to its end', async () => {
    const prompt = Array.from({ length: 240 }, (_, i) => 30 + (i % 4));
    const result = await one(model, prompt, { ignoreEos: true, promptLookup: { tokens: 16 } });
    expect(result.usage.totalTokens).toBe(256);
  });

  test.each<[string, unknown, RegExp]>([
    ['a number', 3, /promptLookup/],
    ['a misspelled name', { ngrams: 2 }, /Did you mean "ngram"\?/],
    ['an ngram of 0', { ngram: 0 }, /promptLookup\.ngram to be a number from 1 to 16/],
    ['too many tokens', { tokens: 17 }, /promptLookup\.tokens to be a number from 1 to 16/],
  ])('%s is an OptionError', (_name, promptLookup, text) => {
    const error = thrown(() => generate(model, [prompts[1]], { promptLookup } as GenerateOptions));
    expect(error).toMatchObject({ name: 'OptionError' });
    expect(error.message).toMatch(text);
  });
});
