import { generate, type GenerateOptions } from '../../src/generate';
import type { BitNet } from '../../src/model/bitnet';
import { native } from '../../src/native/addon';
import { thrown } from '../load/fixtures';
import { tinyModel } from './models';

const codec = { decodeStream: () => ({ push: String, flush: () => '' }) };

describe('options of generate', () => {
  let model: BitNet;
  beforeAll(async () => {
    model = await tinyModel();
  });
  afterAll(() => model.dispose());

  const fault = (options: object, prompts: unknown = [[0, 5]], withCodec = true) =>
    thrown(() => generate(model, prompts as number[][], options as GenerateOptions, withCodec ? codec : undefined));

  test.each([
    ['a misspelled name', { temprature: 1 }, /Did you mean "temperature"\?/],
    ['a name of another library', { max_tokens: 5 }, /received "max_tokens".*Did you mean "maxTokens"\?/],
    ['options that are no object', 7, /expected an options object/],
    ['a negative maxTokens', { maxTokens: -1 }, /maxTokens to be a number from 0/],
    ['a fraction of a token', { maxTokens: 1.5 }, /maxTokens to be a whole number/],
    [
      'minTokens above maxTokens',
      { maxTokens: 2, minTokens: 3 },
      /minTokens to be at most maxTokens \(2\), received 3/,
    ],
    ['a negative temperature', { temperature: -0.1 }, /temperature/],
    ['a temperature that is no number', { temperature: NaN }, /temperature/],
    [
      'a temperature that is a string',
      { temperature: '1' },
      /temperature to be a number from 0 to 1000000, received "1"/,
    ],
    ['topK below 0', { topK: -1 }, /topK/],
    ['topP above 1', { topP: 1.01 }, /topP to be a number from 0 to 1/],
    ['minP above 1', { minP: 2 }, /minP/],
    ['typicalP below 0', { typicalP: -1 }, /typicalP/],
    ['a repetition penalty of 0', { repetitionPenalty: 0 }, /repetitionPenalty/],
    ['an infinite presence penalty', { presencePenalty: Infinity }, /presencePenalty/],
    ['a frequency penalty that is no number', { frequencyPenalty: 'much' }, /frequencyPenalty/],
    [
      'a bias of an id outside the vocabulary',
      { logitBias: { 4096: 1 } },
      /logitBias to be token ids from 0 to 4095, received 4096/,
    ],
    ['a bias of plus infinity', { logitBias: { 5: Infinity } }, /logitBias to be numbers below infinity/],
    ['a bias for a word', { logitBias: { the: 1 } }, /logitBias to be token ids/],
    ['biases in an array', { logitBias: [1, 2] }, /logitBias to be a map/],
    ['a fraction as seed', { seed: 0.5 }, /seed to be a whole number/],
    ['a negative seed', { seed: -1 }, /seed/],
    ['too few seeds', { seed: [] }, /seed to be one entry for each of 1 prompts, received an array of 0/],
    ['an empty stop string', { stop: '' }, /stop to be a string or strings, not empty/],
    ['stop strings that are none', { stop: [5] }, /stop to be a string or strings/],
    ['a stop id outside the vocabulary', { stopIds: [-1] }, /stopIds to be token ids/],
    ['stop ids that are no array', { stopIds: 5 }, /stopIds to be an array/],
    ['ignoreEos that is a number', { ignoreEos: 1 }, /ignoreEos to be true or false/],
    ['logprobs as a number', { logprobs: 5 }, /logprobs to be true or false/],
    ['21 top logprobs', { topLogprobs: 21 }, /topLogprobs to be a number from 0 to 20/],
    ['negative prompt logprobs', { promptLogprobs: -1 }, /promptLogprobs/],
    ['a signal that is none', { signal: true }, /signal to be an AbortSignal/],
    ['onProgress that is no function', { onProgress: 1 }, /onProgress to be a function/],
    ['a misspelled name for one prompt', { perSequence: [{ sead: 1 }] }, /perSequence\[0\].*Did you mean "seed"\?/],
    ['a shared option for one prompt', { perSequence: [{ logprobs: true }] }, /perSequence\[0\]/],
    ['a bad value for one prompt', { perSequence: [{ topP: 7 }] }, /topP/],
  ])('%s is an OptionError', (_name, options, text) => {
    const error = fault(options as object);
    expect(error).toMatchObject({ name: 'OptionError', code: 'ROTOR_OPTION' });
    expect(error.message).toMatch(text);
  });

  test.each([
    ['no prompts', [], /at least one prompt/],
    ['ids that are not in a list of prompts', [0, 5], /array of token ids/],
    ['an empty prompt', [[]], /received an empty prompt/],
    ['an empty prompt beside others', [[0], []], /received an empty prompt/],
    ['an id outside the vocabulary', [[0, 4096]], /received 4096 at position 1/],
    ['an id that is a word', [['the']], /token ids from 0/],
  ])('%s is an OptionError', (_name, prompts, text) => {
    const error = fault({}, prompts);
    expect(error.code).toBe('ROTOR_OPTION');
    expect(error.message).toMatch(text);
  });

  test('prompt and maxTokens beyond the context are a ContextError', () => {
    const error = fault({ maxTokens: 255 });
    expect(error).toMatchObject({ name: 'ContextError', details: { limit: 256, promptTokens: 2, maxTokens: 255 } });
    expect(fault({}, [new Array<number>(256).fill(1)]).code).toBe('ROTOR_CONTEXT');
    expect(fault({}, [new Array<number>(257).fill(1)]).code).toBe('ROTOR_CONTEXT');
  });

  test('stop strings need a codec', () => {
    expect(fault({ stop: 'x' }, [[0]], false).message).toMatch(/Use stopIds/);
  });

  test('a generation that is not started takes no memory, and ends aborted when its loop is left at once', async () => {
    const before = native().stats();
    const generation = generate(model, [[0]]);
    expect(native().stats()).toEqual(before);
    await generation[Symbol.asyncIterator]().return?.();
    expect((await generation.result())[0]).toMatchObject({ ids: [], finishReason: 'abort' });
  });
});
