import { join } from 'node:path';

import { generate, type GenerateEvent, type GenerateOptions } from '../../src/generate';
import type { BitNet } from '../../src/model/bitnet';
import { native } from '../../src/native/addon';
import { setThreads } from '../../src/native/device-info';
import { mul } from '../../src/ops/binary';
import { scope } from '../../src/tensor/scope';
import { hookListener, run } from '../../src/trace/run';
import { MODELS } from '../load/fixtures';
import { loadGolden } from '../load/golden';
import { one, prompts, tinyModel } from './models';

async function eventsOf(model: BitNet, prompt: readonly number[], options: GenerateOptions): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of generate(model, [prompt], options)) events.push(event);
  return events;
}

// Machines that run many things at once are slow at spinning.
jest.setTimeout(30_000);

describe('cpu', () => {
  let model: BitNet;
  beforeAll(async () => {
    model = await tinyModel();
  });
  afterAll(() => model.dispose());

  test('greedy ids are those of the float64 definition nearly everywhere', async () => {
    const golden = await loadGolden(join(MODELS.tiny, 'golden'));
    const all = golden.cases.map((c) => c.ids);
    const { length } = golden.cases[0].greedy64;
    const results = await generate(model, all, { maxTokens: length, ignoreEos: true }).result();
    const same = results.filter((r, i) => r.ids.every((id, t) => id === golden.cases[i].greedy64[t])).length;
    // Near-ties fall the other way now and then: rare events, at most 1.5 times as many as in transformers' float32, give or
    // take two standard deviations of their number.
    const { of, greedy_same_as_float64: theirs } = golden.summary;
    const departures = 1.5 * (of - theirs);
    expect(of - same).toBeLessThanOrEqual(departures + 2 * Math.sqrt(departures));
  });

  test('a decode step draws the largest logit of the eager model, and reports its log probability', async () => {
    const { ids, logprobs } = await one(model, prompts[2], { maxTokens: 12, ignoreEos: true, logprobs: true });
    scope(() => {
      const sequence = [...prompts[2], ...ids];
      const logits = run(model, sequence);
      const [, vocab] = logits.shape;
      ids.forEach((id, i) => {
        const at = prompts[2].length - 1 + i;
        const row = logits.toFloat64Array().subarray(at * vocab, (at + 1) * vocab);
        const max = row.reduce((a, b) => Math.max(a, b));
        expect(row.indexOf(max)).toBe(id);
        const logSum = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
        expect((logprobs as number[])[i]).toBeCloseTo(max - logSum, 5);
      });
    });
  });

  describe.each([
    ['greedy', {}],
    ['sampled', { temperature: 1, topP: 0.95, seed: 7 }],
    [
      'with every filter',
      {
        temperature: 0.9,
        topK: 50,
        typicalP: 0.98,
        topP: 0.9,
        minP: 0.01,
        repetitionPenalty: 1.1,
        presencePenalty: 0.2,
        frequencyPenalty: 0.1,
        seed: 2n ** 63n + 5n,
      },
    ],
  ] as [string, GenerateOptions][])('%s', (_name, settings) => {
    const options = { ...settings, maxTokens: 20, ignoreEos: true };

    test('a batch of five prompts equals each alone', async () => {
      const batch = await generate(model, prompts, options).result();
      for (const [i, prompt] of prompts.entries())
        expect((await one(model, prompt, options)).ids).toEqual(batch[i].ids);
    });

    test('one thread equals two', async () => {
      const threads = native().getThreads();
      try {
        setThreads(1);
        const first = await generate(model, prompts, { ...options, logprobs: true }).result();
        setThreads(2);
        const second = await generate(model, prompts, { ...options, logprobs: true }).result();
        expect(second.map((r) => [r.ids, r.logprobs])).toEqual(first.map((r) => [r.ids, r.logprobs]));
      } finally {
        setThreads(threads);
      }
    });

    test('log probabilities change nothing', async () => {
      const plain = await one(model, prompts[4], options);
      const shown = await one(model, prompts[4], { ...options, logprobs: true, topLogprobs: 5, promptLogprobs: 2 });
      expect(shown.ids).toEqual(plain.ids);
    });

    test('hooks that change nothing equal none', async () => {
      const listener = hookListener('test', model, [[undefined, (x) => x]]);
      const hooked = await one(model, prompts[1], { ...options, logprobs: true, ...(listener && { listener }) });
      const plain = await one(model, prompts[1], { ...options, logprobs: true });
      expect([hooked.ids, hooked.logprobs]).toEqual([plain.ids, plain.logprobs]);
    });
  });

  test('each prompt has a seed of its own, wherever it stands', async () => {
    const options = { temperature: 1.5, maxTokens: 12, ignoreEos: true };
    const same = await generate(model, [prompts[1], prompts[1], prompts[1]], { ...options, seed: [1, 2, 1] }).result();
    expect(same[0].ids).toEqual(same[2].ids);
    expect(same[0].ids).not.toEqual(same[1].ids);
    expect((await one(model, prompts[1], { ...options, seed: 2 })).ids).toEqual(same[1].ids);
    const drawn = await one(model, prompts[1], options);
    expect((await one(model, prompts[1], { ...options, seed: drawn.seed })).ids).toEqual(drawn.ids);
  });

  test('options of one prompt win over those of all', async () => {
    const [a, b] = await generate(model, [prompts[1], prompts[1]], {
      maxTokens: 4,
      ignoreEos: true,
      perSequence: [{}, { maxTokens: 9 }],
    }).result();
    expect([a.ids.length, b.ids.length]).toEqual([4, 9]);
    expect(b.ids.slice(0, 4)).toEqual(a.ids);
    expect([a.finishReason, b.finishReason]).toEqual(['length', 'length']);
  });

  test('temperature alone decides about drawing; a filter or seed turns it on', async () => {
    const greedy = await one(model, prompts[1], { maxTokens: 8 });
    expect((await one(model, prompts[1], { maxTokens: 8, temperature: 0, seed: 3, topP: 0.9 })).ids).toEqual(
      greedy.ids,
    );
    expect((await one(model, prompts[1], { maxTokens: 8, seed: 3, topK: 1 })).ids).toEqual(greedy.ids);
    const texts = await generate(
      model,
      Array.from({ length: 4 }, () => prompts[1]),
      { maxTokens: 8, seed: [1, 2, 3, 4] },
    ).result();
    expect(new Set(texts.map((r) => r.ids.join())).size).toBeGreaterThan(1);
  });

  test('events carry what the result has', async () => {
    const options = { maxTokens: 6, ignoreEos: true, topLogprobs: 3 };
    const generation = generate(model, [prompts[1], prompts[2]], options);
    const events: GenerateEvent[] = [];
    for await (const event of generation) events.push(event);
    const results = await generation.result();
    results.forEach((r, i) => {
      const own = events.filter((e) => e.sequence === i);
      expect(own.map((e) => e.id)).toEqual(r.ids);
      expect(own.map((e) => e.logprob)).toEqual(r.logprobs);
      expect(own.map((e) => e.topLogprobs)).toEqual(r.topLogprobs);
      expect(own.map((e) => e.position)).toEqual(r.ids.map((_, t) => [prompts[1], prompts[2]][i].length + t));
      expect(own.map((e) => e.finishReason)).toEqual([...new Array<undefined>(5), 'length']);
      expect(r.text).toBeUndefined();
      expect(r.usage).toEqual({
        promptTokens: prompts[1 + i].length,
        completionTokens: 6,
        totalTokens: prompts[1 + i].length + 6,
        cachedTokens: 0,
        draftedTokens: 0,
        acceptedTokens: 0,
      });
    });
  });

  test('the drawn token of a greedy step is the first of its top list; lists descend', async () => {
    const { ids, topLogprobs = [], logprobs = [] } = await one(model, prompts[1], { maxTokens: 8, topLogprobs: 20 });
    ids.forEach((id, t) => {
      expect(topLogprobs[t]).toHaveLength(20);
      expect(topLogprobs[t][0].id).toBe(id);
      expect(topLogprobs[t][0].logprob).toBeCloseTo(logprobs[t], 5);
      const values = topLogprobs[t].map((x) => x.logprob);
      expect([...values].sort((a, b) => b - a)).toEqual(values);
      expect(values.reduce((sum, x) => sum + Math.exp(x), 0)).toBeLessThanOrEqual(1 + 1e-9);
    });
  });

  test('log probabilities of a prompt are those of the eager model, also without any new token', async () => {
    const prompt = prompts[3];
    const {
      promptLogprobs = [],
      promptTopLogprobs = [],
      ids,
      finishReason,
    } = await one(model, prompt, { maxTokens: 0, promptLogprobs: 2 });
    expect([ids, finishReason]).toEqual([[], 'length']);
    expect(promptLogprobs).toHaveLength(prompt.length);
    expect([promptLogprobs[0], promptTopLogprobs[0]]).toEqual([null, null]);
    scope(() => {
      const logits = run(model, prompt);
      const [, vocab] = logits.shape;
      const data = logits.toFloat64Array();
      for (let t = 1; t < prompt.length; t++) {
        const row = data.subarray((t - 1) * vocab, t * vocab);
        const max = row.reduce((a, b) => Math.max(a, b));
        const logSum = max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0));
        expect(promptLogprobs[t]).toBeCloseTo(row[prompt[t]] - logSum, 10);
        expect(promptTopLogprobs[t]).toHaveLength(2);
        expect(promptTopLogprobs[t]?.[0].logprob).toBeCloseTo(max - logSum, 10);
      }
    });
    const withTokens = await one(model, prompt, { maxTokens: 3, promptLogprobs: true });
    expect(withTokens.promptLogprobs).toEqual(promptLogprobs);
    expect(withTokens.promptTopLogprobs).toBeUndefined();
  });

  test('the context can be filled to its end', async () => {
    const prompt = Array.from({ length: 250 }, (_, i) => i);
    expect((await one(model, prompt, { maxTokens: 6, ignoreEos: true })).usage.totalTokens).toBe(256);
    expect((await one(model, prompt, { ignoreEos: true })).usage.totalTokens).toBe(256);
  });

  test('biases choose and forbid', async () => {
    expect((await one(model, prompts[1], { maxTokens: 3, logitBias: { 123: 1000 } })).ids).toEqual([123, 123, 123]);
    const [first] = (await one(model, prompts[1], { maxTokens: 1 })).ids;
    const forbidden = await one(model, prompts[1], {
      maxTokens: 5,
      ignoreEos: true,
      logitBias: new Map([[first, -Infinity]]),
    });
    expect(forbidden.ids).not.toContain(first);
  });

  test('end-of-text ids end a sequence unless they are ignored, and not before minTokens', async () => {
    const eos = model.config.eosTokenIds[0];
    const logitBias = { [eos]: 1000 };
    const ended = await one(model, prompts[1], { maxTokens: 6, logitBias });
    expect(ended).toMatchObject({ ids: [eos], finishReason: 'eos', stopReason: eos });
    const ignored = await one(model, prompts[1], { maxTokens: 6, logitBias, ignoreEos: true });
    expect(ignored).toMatchObject({ ids: new Array(6).fill(eos), finishReason: 'length', stopReason: undefined });
    const later = await one(model, prompts[1], { maxTokens: 6, logitBias, minTokens: 3 });
    expect(later.ids).toHaveLength(4);
    expect(later.ids.indexOf(eos)).toBe(3);
    expect(later.finishReason).toBe('eos');
  });

  test('stop ids end a sequence, and not before minTokens', async () => {
    const free = await one(model, prompts[1], { maxTokens: 8, ignoreEos: true });
    const stopIds = [free.ids[2]];
    const at = free.ids.indexOf(stopIds[0]);
    expect(await one(model, prompts[1], { maxTokens: 8, stopIds })).toMatchObject({
      ids: free.ids.slice(0, at + 1),
      finishReason: 'stop',
      stopReason: stopIds[0],
    });
    const later = await one(model, prompts[1], { maxTokens: 8, minTokens: 8, stopIds });
    expect(later.ids).toHaveLength(8);
    expect(later.ids.slice(0, 7)).not.toContain(stopIds[0]);
  });

  test('penalties keep a model from repeating itself', async () => {
    const bias = { logitBias: { 50: 300, 51: 200, 52: 100 }, maxTokens: 3 };
    expect((await one(model, prompts[0], { ...bias })).ids).toEqual([50, 50, 50]);
    expect(new Set((await one(model, prompts[0], { ...bias, presencePenalty: 500 })).ids).size).toBe(3);
    expect(new Set((await one(model, prompts[0], { ...bias, frequencyPenalty: 500 })).ids).size).toBe(3);
    expect(new Set((await one(model, prompts[0], { ...bias, repetitionPenalty: 100 })).ids).size).toBe(3);
  });

  test('hooks of tensor ops are part of every step', async () => {
    const listener = hookListener('test', model, [['blocks.2.hook_attn_out', (x) => mul(x, 0)]]);
    if (listener === undefined) throw new Error('a listener');
    const { ids } = await one(model, prompts[2], { maxTokens: 6, ignoreEos: true, listener });
    const plain = await one(model, prompts[2], { maxTokens: 6, ignoreEos: true });
    expect(ids).not.toEqual(plain.ids);
  });

  test('a hook that reads data is a CaptureError that names the tap', async () => {
    const listener = hookListener('test', model, [['blocks.2.hook_attn_out', (x) => void x.data()]]);
    const fail = async (): Promise<void> =>
      expect(one(model, prompts[2], { maxTokens: 2, ...(listener && { listener }) })).rejects.toMatchObject({
        name: 'CaptureError',
        message: expect.stringContaining('blocks.2.hook_attn_out'),
      });
    // Memory that was viewed as a typed array is given back a turn of the event loop later.
    const turns = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    await fail();
    await turns();
    const before = native().stats().liveBuffers;
    for (let i = 0; i < 10; i++) await fail();
    await turns();
    expect(native().stats().liveBuffers).toBeLessThanOrEqual(before);
  });

  test('logits that are no numbers are a NativeError', async () => {
    const listener = hookListener('test', model, [['unembed.hook_out', (x) => mul(x, NaN)]]);
    const generation = generate(model, [prompts[1]], { maxTokens: 2, ...(listener && { listener }) });
    await expect(eventsFrom(generation)).rejects.toMatchObject({ name: 'NativeError' });
    await expect(generation.result()).rejects.toMatchObject({ name: 'NativeError' });
  });

  test('progress counts the tokens of all prompts', async () => {
    const seen: { done: number; total: number }[] = [];
    await generate(model, [prompts[3], prompts[4]], { maxTokens: 1, onProgress: (p) => seen.push(p) }).result();
    expect(seen.at(-1)).toEqual({ done: 69 + 22, total: 69 + 22, label: 'prompt' });
    expect(seen.map((p) => p.done)).toEqual([...seen.map((p) => p.done)].sort((a, b) => a - b));
  });

  test('times add up', async () => {
    const { timings } = await one(model, prompts[3], { maxTokens: 10, ignoreEos: true });
    expect(timings.promptMs).toBeGreaterThan(0);
    expect(timings.firstTokenMs).toBeGreaterThanOrEqual(timings.promptMs);
    expect(timings.promptPerSecond).toBeCloseTo((1000 * 70) / timings.promptMs, 6);
    expect(timings.predictedPerSecond).toBeCloseTo((1000 * 9) / timings.predictedMs, 6);
  });

  describe('ending early', () => {
    test('a signal ends it between two tokens, with what was made', async () => {
      const controller = new AbortController();
      const full = await one(model, prompts[1], { maxTokens: 20, ignoreEos: true });
      const generation = generate(model, [prompts[1]], { maxTokens: 20, ignoreEos: true, signal: controller.signal });
      let count = 0;
      for await (const event of generation) {
        expect(event.id).toBe(full.ids[count]);
        if (++count === 5) controller.abort();
      }
      expect(count).toBe(5);
      expect((await generation.result())[0]).toMatchObject({ ids: full.ids.slice(0, 5), finishReason: 'abort' });
    });

    test('a signal that was aborted before gives empty results', async () => {
      const events = await eventsOf(model, prompts[1], { signal: AbortSignal.abort() });
      expect(events).toEqual([]);
      expect(await one(model, prompts[1], { signal: AbortSignal.abort() })).toMatchObject({
        ids: [],
        finishReason: 'abort',
        timings: { firstTokenMs: 0, predictedPerSecond: 0 },
      });
    });

    test('a signal ends a prompt between two chunks', async () => {
      const controller = new AbortController();
      const done: number[] = [];
      const options = {
        signal: controller.signal,
        onProgress: (p: { done: number }) => void (done.push(p.done), controller.abort()),
      };
      expect(await one(model, prompts[3], options)).toMatchObject({ ids: [], finishReason: 'abort' });
      expect(done).toEqual([64]);
    });

    test('an error in onProgress is passed on', async () => {
      const onProgress = (): never => {
        throw new RangeError('mine');
      };
      await expect(one(model, prompts[3], { onProgress })).rejects.toThrow('mine');
    });

    test('leaving the loop ends it', async () => {
      const generation = generate(model, [prompts[1], prompts[2]], { maxTokens: 20, ignoreEos: true });
      for await (const event of generation) if (event.position > prompts[2].length) break;
      const results = await generation.result();
      expect(results.map((r) => r.finishReason)).toEqual(['abort', 'abort']);
      expect(results[0].ids.length).toBeGreaterThan(0);
    });

    test('a second loop, and a loop after result(), are errors', async () => {
      const first = generate(model, [prompts[1]], { maxTokens: 1 });
      await eventsFrom(first);
      await expect(eventsFrom(first)).rejects.toMatchObject({ name: 'OptionError' });
      const second = generate(model, [prompts[1]], { maxTokens: 1 });
      expect(await second.result()).toEqual(await second.result());
      await expect(eventsFrom(second)).rejects.toMatchObject({ name: 'OptionError' });
    });

    test('result() may be asked for while the loop runs', async () => {
      const generation = generate(model, [prompts[1]], { maxTokens: 4, ignoreEos: true });
      let pending: ReturnType<typeof generation.result> | undefined;
      for await (const _ of generation) pending ??= generation.result();
      expect((await pending)?.[0].ids).toHaveLength(4);
    });

    test('two generations at once do not disturb each other', async () => {
      const options = { maxTokens: 10, ignoreEos: true, seed: 5 };
      const alone = await one(model, prompts[1], options);
      const both = await Promise.all([
        one(model, prompts[1], options),
        one(model, prompts[1], options),
        one(model, prompts[2], options),
      ]);
      expect([both[0].ids, both[1].ids]).toEqual([alone.ids, alone.ids]);
    });

    test('a scope around the call takes nothing away', async () => {
      let pending: Promise<unknown> | undefined;
      scope(() => {
        const generation = generate(model, [prompts[1]], { maxTokens: 3 });
        pending = generation.result();
      });
      await expect(pending).resolves.toHaveLength(1);
    });
  });

  test('1,000 generations leave native memory where it was, however they end', async () => {
    const before = native().stats();
    for (let i = 0; i < 1000; i++) {
      const generation = generate(model, [[0, 5].slice(i % 2)], { maxTokens: 2, ignoreEos: true });
      if (i % 10 === 0) for await (const _ of generation) break;
      else await generation.result();
    }
    const after = native().stats();
    // Fewer when what earlier tests dropped was collected meanwhile.
    expect(after.liveBuffers).toBeLessThanOrEqual(before.liveBuffers);
    expect(after.liveBytes).toBeLessThanOrEqual(before.liveBytes);
  }, 180_000);

  test('a model that was disposed is a DisposedError', async () => {
    const other = await tinyModel();
    other.dispose();
    expect(() => generate(other, [[0]])).toThrow(expect.objectContaining({ name: 'DisposedError' }));
  });
});

async function eventsFrom(generation: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of generation) events.push(event);
  return events;
}
