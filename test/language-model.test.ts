import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';

import type { GenerateEvent } from '../src/generate';
import { type LanguageModel, loadModel, type TextGenerateOptions } from '../src/language-model';
import { getThreads, setThreads } from '../src/native/device-info';
import { mul } from '../src/ops/binary';
import { scope } from '../src/tensor/scope';
import type { Tensor } from '../src/tensor/tensor';
import { MODELS, rejection, temporaryDirectory, thrown } from './load/fixtures';

jest.setTimeout(30_000);

const prompt = 'In the beginning God created';

describe('LanguageModel', () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(MODELS.tiny);
  });
  afterAll(() => model.dispose());

  const text = async (input: string, options: TextGenerateOptions): Promise<string> =>
    (await model.generate(input, options).result())[0].text ?? '';

  test('text is encoded with the begin-of-text token once', () => {
    const ids = model.encode(prompt);
    expect(ids.filter((id) => id === model.config.bosTokenId)).toEqual([0]);
    expect(ids[0]).toBe(0);
    expect(model.encode(Int32Array.from(ids))).toEqual(ids);
    expect(model.decode(ids)).toBe(prompt);
    expect(model.tokens(prompt).slice(1).join('')).toBe(prompt);
    expect(model.tokenText(4095)).toEqual(expect.any(String));
  });

  test('text and its ids give the same', async () => {
    scope(() => {
      const ids = model.encode(prompt);
      expect(model.run(prompt).data()).toEqual(model.run(ids).data());
      const seen = model.runWithCache(prompt, { namesFilter: 'blocks.0.attn.hook_pattern' });
      expect(seen.cache.get('pattern', 0).shape).toEqual([4, ids.length, ids.length]);
      seen.cache.dispose();
      const silenced = model.runWithHooks(prompt, { fwdHooks: [['blocks.0.hook_attn_out', (x) => mul(x, 0)]] });
      expect(silenced.data()).not.toEqual(model.run(ids).data());
    });
    const options = { maxTokens: 5, ignoreEos: true };
    const [a, b] = await model.generate([prompt, model.encode(prompt)], options).result();
    expect(a.ids).toEqual(b.ids);
    expect((await model.generate(model.encode(prompt), options).result())[0].ids).toEqual(a.ids);
    expect(model.tapNames()).toContain('blocks.5.mlp.out.hook_acc_i32');
  });

  test('the pieces of a stream are the text, which is the decoded ids', async () => {
    const generation = model.generate(prompt, { maxTokens: 24, ignoreEos: true, temperature: 1.3, seed: 11 });
    let streamed = '';
    for await (const event of generation) streamed += event.text;
    const [{ text: whole, ids }] = await generation.result();
    expect(streamed).toBe(whole);
    expect(whole).toBe(model.decode(ids));
  });

  test('a stop string ends the text in front of it, also across tokens, and nothing of it is streamed', async () => {
    const free = await text(prompt, { maxTokens: 24, ignoreEos: true });
    // Every place and length in the text, whatever the tokens are.
    for (const [from, length] of [
      [3, 1],
      [5, 7],
      [9, 12],
      [14, 3],
      [20, 15],
    ]) {
      const stop = free.slice(from, from + length);
      const generation = model.generate(prompt, { maxTokens: 24, ignoreEos: true, stop: ['never there', stop] });
      const events: GenerateEvent[] = [];
      for await (const event of generation) events.push(event);
      const [result] = await generation.result();
      expect(result.text).toBe(free.slice(0, free.indexOf(stop)));
      expect(result).toMatchObject({ finishReason: 'stop', stopReason: stop });
      expect(events.map((e) => e.text).join('')).toBe(result.text);
      expect(events.at(-1)?.finishReason).toBe('stop');
    }
    expect(await text(prompt, { maxTokens: 24, ignoreEos: true, stop: 'never there' })).toBe(free);
    const late = (
      await model.generate(prompt, { maxTokens: 24, minTokens: 24, ignoreEos: true, stop: free.slice(3, 4) }).result()
    )[0];
    expect(late.ids).toHaveLength(24);
  });

  test('an end-of-text token is no text', async () => {
    const [eos] = model.config.eosTokenIds;
    const [result] = await model.generate(prompt, { maxTokens: 6, minTokens: 2, logitBias: { [eos]: 1000 } }).result();
    expect(result.finishReason).toBe('eos');
    expect(result.ids).toHaveLength(3);
    expect(result.text).toBe(model.decode(result.ids.slice(0, 2)));
  });

  test('a batch of texts equals each alone, seeded', async () => {
    const inputs = [prompt, 'And', 'The king said unto his servants and to all the people'];
    const options = { maxTokens: 10, temperature: 1, topP: 0.95, seed: 42 };
    const batch = await model.generate(inputs, options).result();
    for (const [i, input] of inputs.entries()) expect(await text(input, options)).toBe(batch[i].text);
  });

  test('hooks that change nothing equal none; others are part of every step', async () => {
    const options = { maxTokens: 8, ignoreEos: true };
    const plain = await text(prompt, options);
    expect(await text(prompt, { ...options, fwdHooks: [['blocks.*.hook_resid_post', (x) => x]] })).toBe(plain);
    expect(await text(prompt, { ...options, fwdHooks: [['blocks.*.hook_mlp_out', (x) => mul(x, 0)]] })).not.toBe(plain);
  });

  test('a chat is rendered with the template of the model', async () => {
    const messages = [{ role: 'user' as const, content: 'Who made the earth? <|eot_id|>' }];
    const [reply] = await model.chat(messages, { maxTokens: 4 }).result();
    expect(reply.usage.promptTokens).toBe(model.tokenizer?.applyChatTemplate(messages).length);
    expect(() => model.chat([])).toThrow(expect.objectContaining({ name: 'OptionError' }));
  });

  test('an engine generates side by side what the model generates alone, and reads a conversation once', async () => {
    const engine = model.engine({ slots: 2, length: 128 });
    try {
      const options = { maxTokens: 8, ignoreEos: true, promptLookup: true };
      const inputs = [prompt, 'And', 'The king said unto his servants'];
      const results = await Promise.all(inputs.map((input) => engine.generate(input, options).result()));
      for (const [i, input] of inputs.entries())
        expect(results[i][0].text).toBe(await text(input, { ...options, promptLookup: false }));
      const question = { role: 'user' as const, content: 'Who made the earth?' };
      const [first] = await engine.chat([question], options).result();
      const messages = [
        question,
        { role: 'assistant' as const, content: first.text ?? '' },
        { role: 'user' as const, content: 'And the sea?' },
      ];
      const [second] = await engine.chat(messages, options).result();
      expect(second.usage.cachedTokens).toBeGreaterThanOrEqual(first.usage.promptTokens);
      expect(second.ids).toEqual((await model.chat(messages, options).result())[0].ids);
      expect(thrown(() => engine.generate('')).message).toMatch(/received an empty prompt/);
      expect(thrown(() => engine.generate(prompt, { fwdHooks: [] } as object))).toMatchObject({ name: 'OptionError' });
    } finally {
      await engine.dispose();
    }
    expect(thrown(() => engine.generate(prompt))).toMatchObject({ name: 'DisposedError' });
    expect(thrown(() => model.engine({ slot: 1 } as object)).message).toMatch(/Did you mean "slots"/);
    expect(thrown(() => model.engine({ listener: () => undefined } as object))).toMatchObject({ name: 'OptionError' });
  });

  test('hooks of an engine are part of its steps', async () => {
    const options = { maxTokens: 8, ignoreEos: true };
    const fwdHooks = [['blocks.*.hook_mlp_out', (x: Tensor) => mul(x, 0)]] as const;
    const engine = model.engine({ fwdHooks });
    try {
      const [result] = await engine.generate(prompt, options).result();
      expect(result.text).toBe(await text(prompt, { ...options, fwdHooks }));
    } finally {
      await engine.dispose();
    }
  });

  test('summary, memory, profile and inspection', async () => {
    expect(model.summary()).toMatch(/bitnet: 6 layers, width 256/);
    expect(model.summary()).toMatch(/model\.layers\.5\.mlp\.down_proj\s+256x768/);
    expect(model.matrices()).toHaveLength(42);
    expect(model.memory().ternary).toBeGreaterThan(0);
    expect(inspect(model)).toMatch(/^LanguageModel\(.*bitnet, 6 layers of 256, 4096 tokens, cpu\)$/);
    const profile = await model.profileDecode({ repeats: 2, bandwidth: 1e10 });
    expect(profile.byOp().map((o) => o.op)).toContain('ternary_matmul');
  });

  test.each([
    ['an empty text', ''],
    ['no ids', []],
    ['nothing', undefined],
    ['a number', 5],
    ['an object', { prompt }],
  ])('%s is no input', (_name, input) => {
    for (const method of ['run', 'generate', 'runWithCache', 'runWithHooks'] as const) {
      expect(thrown(() => model[method](input as string))).toMatchObject({ code: 'ROTOR_OPTION' });
    }
  });

  test('misspelled options and taps are errors with the nearest name', () => {
    expect(thrown(() => model.generate(prompt, { maxToken: 5 } as TextGenerateOptions)).message).toMatch(
      /Did you mean "maxTokens"/,
    );
    expect(thrown(() => model.generate(prompt, { fwdHooks: [['blocks.0.hook_atn_out', (x) => x]] })).message).toMatch(
      /Did you mean "blocks\.0\.hook_attn_out"/,
    );
    expect(thrown(() => model.generate(prompt, { listener: {} } as TextGenerateOptions)).message).toMatch(/fwdHooks/);
  });
});

describe('loadModel', () => {
  const directory = temporaryDirectory();

  test('a directory without a tokenizer runs on ids', async () => {
    const bare = join(directory, 'bare');
    mkdirSync(bare);
    for (const file of ['config.json', 'model.safetensors']) cpSync(join(MODELS.tiny, file), join(bare, file));
    const model = await loadModel(bare);
    try {
      const [result] = await model.generate([0, 3526, 262, 2729], { maxTokens: 3 }).result();
      expect(result.ids).toHaveLength(3);
      expect(result.text).toBeUndefined();
      expect(model.tokens([0, 5])).toEqual(['#0', '#5']);
      for (const run of [
        () => model.generate('text'),
        () => model.encode('text'),
        () => model.chat([{ role: 'user', content: 'x' }]),
      ]) {
        const error = thrown(run);
        expect(error).toMatchObject({ name: 'UnsupportedError' });
        expect(error.message).toMatch(/Pass token ids instead/);
      }
      expect(thrown(() => model.generate([0], { stop: 'x' })).message).toMatch(/Use stopIds/);
    } finally {
      model.dispose();
    }
  });

  test('options: threads, progress, signal', async () => {
    const threads = getThreads();
    const seen: number[] = [];
    try {
      const model = await loadModel(join(MODELS.tiny, 'model.safetensors'), {
        threads: 1,
        onProgress: ({ done, total }) => seen.push(done / total),
      });
      expect(getThreads()).toBe(1);
      expect(model.tokenizer).toBeDefined();
      expect(seen.at(-1)).toBeCloseTo(1, 1);
      model.dispose();
    } finally {
      setThreads(threads);
    }
    expect(await rejection(loadModel(MODELS.tiny, { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'AbortError',
    });
  });

  test('bad arguments', async () => {
    expect(await rejection(loadModel(''))).toMatchObject({ name: 'OptionError' });
    expect(await rejection(loadModel(join(directory, 'nowhere')))).toMatchObject({ name: 'LoadError' });
    expect((await rejection(loadModel(MODELS.tiny, { devise: 'cpu' } as object))).message).toMatch(
      /Did you mean "device"/,
    );
    expect(await rejection(loadModel(MODELS.tiny, { device: 'gpu' as 'cpu' }))).toMatchObject({ code: 'ROTOR_DEVICE' });
    expect(await rejection(loadModel(MODELS.tiny, { threads: 0 }))).toMatchObject({ code: 'ROTOR_OPTION' });
  });

  test('use after dispose', async () => {
    const model = await loadModel(MODELS.tiny);
    model.dispose();
    model.dispose();
    for (const run of [
      () => model.run(prompt),
      () => model.generate(prompt),
      () => model.summary(),
      () => model.matrices(),
      () => model.memory(),
      () => model.runWithCache(prompt),
    ]) {
      expect(thrown(run)).toMatchObject({ name: 'DisposedError' });
    }
    expect(await rejection(model.profileDecode())).toMatchObject({ name: 'DisposedError' });
    expect(String(model)).toMatch(/disposed/);
  });
});
