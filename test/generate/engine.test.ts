import { Engine, generate, type GenerateEvent, type GenerateOptions, type GenerateResult } from '../../src/generate';
import type { BitNet } from '../../src/model/bitnet';
import { native } from '../../src/native/addon';
import { philox } from '../../src/ops/philox';
import { hookListener } from '../../src/trace/run';
import { rejection } from '../load/fixtures';
import { one, prompts, tinyModel } from './models';

jest.setTimeout(60_000);

/** Numbers from 0 below `n`, the same every time. */
function dice(seed: number): (n: number) => number {
  let count = 0;
  return (n) => philox([count++, 0, 0, 0], [seed, 1])[0] % n;
}

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};

// A bias that no float32 holds: the logits of the sequence are no numbers.
const poison = { logitBias: { 7: 1e300 } };

describe('Engine', () => {
  let model: BitNet;
  beforeAll(async () => {
    model = await tinyModel();
  });
  afterAll(() => model.dispose());

  const settings: readonly GenerateOptions[] = [
    {},
    { temperature: 1, topP: 0.9, seed: 11 },
    { temperature: 0.8, topK: 40, repetitionPenalty: 1.2, frequencyPenalty: 0.3, seed: 5 },
    { minTokens: 6, logitBias: { 9: 2, 10: -Infinity } },
    { promptLookup: { ngram: 2, tokens: 4 } },
    { promptLookup: true, temperature: 0.5, seed: 3, presencePenalty: 0.5 },
  ];

  test.each([1, 2, 3, 4])(
    'sequences that join and leave at any time get the tokens that they get alone (%i)',
    async (seed) => {
      const roll = dice(seed);
      const requests = Array.from({ length: 14 }, () => ({
        prompt: prompts[roll(prompts.length)],
        options: { ...settings[roll(settings.length)], maxTokens: 6 + roll(24), ignoreEos: true, logprobs: true },
        wait: roll(12),
        stopAfter: roll(4) === 0 ? roll(6) : Infinity,
      }));
      const alone: GenerateResult[] = [];
      for (const { prompt, options } of requests) alone.push(await one(model, prompt, options));
      const engine = new Engine(model, { slots: 1 + roll(5), length: 128, readAhead: roll(3) });
      try {
        await Promise.all(
          requests.map(async ({ prompt, options, wait, stopAfter }, i) => {
            await turns(wait * 3);
            const ids: number[] = [];
            const logprobs: number[] = [];
            const generation = engine.generate([prompt], options);
            for await (const event of generation) {
              ids.push(event.id);
              logprobs.push(event.logprob as number);
              if (ids.length > stopAfter) break;
              await turns(wait % 3);
            }
            const { ids: all, logprobs: allLogprobs } = alone[i];
            const [result] = await generation.result();
            expect(ids).toEqual(all.slice(0, Math.min(stopAfter + 1, all.length)));
            expect(logprobs).toEqual((allLogprobs as number[]).slice(0, ids.length));
            expect(result.ids).toEqual(all.slice(0, result.ids.length));
            if (stopAfter === Infinity) expect(result).toMatchObject({ ids: all, finishReason: 'length' });
          }),
        );
        expect(engine.load).toEqual({ running: 0, waiting: 0 });
      } finally {
        await engine.dispose();
      }
    },
  );

  test('more prompts than slots wait for their turn, in one generation or in many', async () => {
    const options = { maxTokens: 8, ignoreEos: true, seed: 4 };
    const alone = await Promise.all(prompts.map((p) => one(model, p, options)));
    const engine = new Engine(model, { slots: 2, length: 100 });
    try {
      const batch = engine.generate(prompts, options).result();
      const single = prompts.map((p) => engine.generate([p], options).result());
      await turns(6);
      expect(engine.load.running).toBe(2);
      expect(engine.load.waiting).toBeGreaterThan(4);
      expect((await batch).map((r) => r.ids)).toEqual(alone.map((r) => r.ids));
      expect((await Promise.all(single)).map(([r]) => r.ids)).toEqual(alone.map((r) => r.ids));
    } finally {
      await engine.dispose();
    }
  });

  test('an abort ends one of several, a waiting one too', async () => {
    const options = { maxTokens: 30, ignoreEos: true };
    const engine = new Engine(model, { slots: 2, length: 128 });
    try {
      const [first, third] = [new AbortController(), new AbortController()];
      const results = [
        engine.generate([prompts[1]], { ...options, signal: first.signal, onProgress: () => undefined }).result(),
        engine.generate([prompts[2]], options).result(),
        engine.generate([prompts[4]], { ...options, signal: third.signal }).result(),
      ];
      await turns(8);
      third.abort();
      first.abort();
      expect((await results[0])[0].finishReason).toBe('abort');
      expect((await results[2])[0]).toMatchObject({ finishReason: 'abort', ids: [] });
      expect((await results[1])[0].ids).toEqual((await one(model, prompts[2], options)).ids);
    } finally {
      await engine.dispose();
    }
  });

  test('an abort while a prompt runs leaves the others alone', async () => {
    const long = Array.from({ length: 200 }, (_, i) => (i * 53) % 4000);
    const options = { maxTokens: 20, ignoreEos: true };
    const engine = new Engine(model, { slots: 2, length: 256 });
    try {
      const other = engine.generate([prompts[1]], options).result();
      const controller = new AbortController();
      const done: number[] = [];
      const onProgress = (p: { done: number }): void => void (done.push(p.done), controller.abort());
      const [aborted] = await engine.generate([long], { signal: controller.signal, onProgress }).result();
      expect(aborted).toMatchObject({ ids: [], finishReason: 'abort' });
      expect(done).toHaveLength(1);
      expect((await other)[0].ids).toEqual((await one(model, prompts[1], options)).ids);
      // What the aborted prompt left in its slot is of use, and right.
      const [again] = await engine.generate([long], options).result();
      expect(again.usage.cachedTokens).toBe(done[0]);
      expect(again.ids).toEqual((await one(model, long, options)).ids);
    } finally {
      await engine.dispose();
    }
  });

  test('running sequences go on while a long prompt joins', async () => {
    const long = Array.from({ length: 250 }, (_, i) => (i * 31) % 4000);
    const engine = new Engine(model, { slots: 2, length: 256 });
    try {
      const log: string[] = [];
      const running = engine.generate([prompts[1]], { maxTokens: 60, ignoreEos: true });
      const follow = (async () => {
        for await (const event of running) log.push(`token ${event.id}`);
      })();
      await turns(12);
      await engine.generate([long], { maxTokens: 1, onProgress: () => void log.push('chunk') }).result();
      await follow;
      const chunks = log.flatMap((entry, i) => (entry === 'chunk' ? [i] : []));
      expect(chunks.length).toBeGreaterThan(2);
      chunks.slice(1).forEach((at, i) => expect(at).toBeGreaterThan(chunks[i] + 1));
    } finally {
      await engine.dispose();
    }
  });

  describe('one that fails takes no other with it', () => {
    const options = { maxTokens: 12, ignoreEos: true };
    const mine = (): never => {
      throw new RangeError('mine');
    };
    test.each<[string, GenerateOptions, number, object]>([
      ['logits that are no numbers', poison, 1, { name: 'NativeError' }],
      ['a listener that throws', { onProgress: mine }, 3, { name: 'RangeError', message: 'mine' }],
    ])('%s', async (_name, bad, prompt, error) => {
      const engine = new Engine(model, { slots: 3, length: 128 });
      try {
        const good = [prompts[2], prompts[4]].map((p) => engine.generate([p], options).result());
        const failing = engine.generate([prompts[prompt]], { ...options, ...bad });
        expect(await rejection(failing.result())).toMatchObject(error);
        const after = await engine.generate([prompts[prompt]], options).result();
        expect(after[0].ids).toEqual((await one(model, prompts[prompt], options)).ids);
        for (const [i, p] of [prompts[2], prompts[4]].entries())
          expect((await good[i])[0].ids).toEqual((await one(model, p, options)).ids);
      } finally {
        await engine.dispose();
      }
    });

    test('a prompt that does not fit a slot is a ContextError at once', async () => {
      const engine = new Engine(model, { slots: 1, length: 16 });
      try {
        const ok = engine.generate([prompts[1]], { maxTokens: 12, ignoreEos: true }).result();
        expect(() => engine.generate([prompts[1]], { maxTokens: 13 })).toThrow(
          expect.objectContaining({
            name: 'ContextError',
            details: { limit: 16, promptTokens: 4, maxTokens: 13 },
          }),
        );
        expect(() => engine.generate([prompts[3]])).toThrow(expect.objectContaining({ name: 'ContextError' }));
        expect((await ok)[0].ids).toHaveLength(12);
        // As many tokens as fit.
        expect((await engine.generate([prompts[1]], { ignoreEos: true }).result())[0].usage.totalTokens).toBe(16);
      } finally {
        await engine.dispose();
      }
    });

    test('a hook that reads data is a CaptureError for whoever needs the program', async () => {
      const listener = hookListener('test', model, [['blocks.2.hook_attn_out', (x) => void x.data()]]);
      const engine = new Engine(model, { slots: 2, length: 64, ...(listener && { listener }) });
      try {
        for (const p of [prompts[0], prompts[1]]) {
          expect(await rejection(engine.generate([p], { maxTokens: 2 }).result())).toMatchObject({
            name: 'CaptureError',
          });
        }
        expect(engine.load).toEqual({ running: 0, waiting: 0 });
      } finally {
        await engine.dispose();
      }
    });
  });

  describe('a prompt with a known beginning', () => {
    const options = { maxTokens: 10, ignoreEos: true, logprobs: true };
    const bits = (r: { ids: readonly number[]; logprobs?: readonly number[] }): unknown => [r.ids, r.logprobs];

    test('goes on where a turn ended', async () => {
      const engine = new Engine(model, { slots: 1, length: 200 });
      try {
        let prompt = [...prompts[3]];
        for (let turn = 0; turn < 4; turn++) {
          const [result] = await engine.generate([prompt], options).result();
          expect(bits(result)).toEqual(bits(await one(model, prompt, options)));
          // The last token drawn was never run.
          const known = turn === 0 ? 0 : prompt.length - 3 - 1;
          expect(result.usage.cachedTokens).toBe(known);
          prompt = [...prompt, ...result.ids, 100 + turn, 101, 102];
        }
      } finally {
        await engine.dispose();
      }
    });

    test('is copied from a slot that others use, and changes nothing there', async () => {
      const engine = new Engine(model, { slots: 3, length: 120 });
      try {
        const tails = [[5, 6], [5, 7, 8], [9]];
        const all = tails.map((tail) => [...prompts[3], ...tail]);
        const results = await Promise.all(all.map((p) => engine.generate([p], options).result()));
        for (const [i, [result]] of results.entries())
          expect(bits(result)).toEqual(bits(await one(model, all[i], options)));
        const cached = results.map(([r]) => r.usage.cachedTokens);
        expect(cached).toEqual([0, 71, 70]);
      } finally {
        await engine.dispose();
      }
    });

    test('of one generation is run once', async () => {
      const engine = new Engine(model, { slots: 4, length: 120 });
      try {
        const results = await engine
          .generate([prompts[3], prompts[3], prompts[3]], { ...options, temperature: 1, seed: [1, 2, 3] })
          .result();
        expect(results.map((r) => r.usage.cachedTokens)).toEqual([0, 69, 69]);
        for (const [i, r] of results.entries())
          expect(bits(r)).toEqual(bits(await one(model, prompts[3], { ...options, temperature: 1, seed: i + 1 })));
      } finally {
        await engine.dispose();
      }
    });

    test('is run all the same when its log probabilities are wanted', async () => {
      const engine = new Engine(model, { slots: 1, length: 120 });
      try {
        await engine.generate([prompts[3]], options).result();
        const [scored] = await engine.generate([prompts[3]], { ...options, promptLogprobs: true }).result();
        expect(scored.usage.cachedTokens).toBe(0);
        expect(scored.promptLogprobs).toEqual(
          (await one(model, prompts[3], { ...options, promptLogprobs: true })).promptLogprobs,
        );
        expect(scored.promptLogprobs?.slice(1)).not.toContain(null);
      } finally {
        await engine.dispose();
      }
    });

    test('is right after guesses that were wrong, and after a failure', async () => {
      const engine = new Engine(model, { slots: 1, length: 200 });
      try {
        const repeating = Array.from({ length: 60 }, (_, i) => 20 + (i % 7));
        const guess = { ...options, promptLookup: { ngram: 2, tokens: 6 } };
        const [first] = await engine.generate([repeating], guess).result();
        const next = [...repeating, ...first.ids.slice(0, 6), 44];
        const [second] = await engine.generate([next], guess).result();
        expect(second.usage.cachedTokens).toBe(next.length - 1);
        expect(bits(second)).toEqual(bits(await one(model, next, options)));
        await rejection(engine.generate([next], { ...options, ...poison }).result());
        expect(bits((await engine.generate([next], options).result())[0])).toEqual(bits(second));
      } finally {
        await engine.dispose();
      }
    });
  });

  test('slots grow with what they must hold, and lose nothing', async () => {
    const options = { maxTokens: 40, ignoreEos: true };
    const engine = new Engine(model, { slots: 3 });
    try {
      const running = engine.generate([prompts[3]], { ...options, maxTokens: 50, seed: 2 }).result();
      while (engine.load.running === 0) await turns(1);
      await turns(6);
      const small = native().stats().liveBytes;
      const long = Array.from({ length: 200 }, (_, i) => (i < 60 ? prompts[3][i] : i));
      const [grown] = await engine.generate([long], options).result();
      expect(native().stats().liveBytes).toBeGreaterThan(small);
      expect(grown.ids).toEqual((await one(model, long, options)).ids);
      expect(grown.usage.cachedTokens).toBe(60);
      expect((await running)[0].ids).toEqual(
        (await one(model, prompts[3], { ...options, maxTokens: 50, seed: 2 })).ids,
      );
    } finally {
      await engine.dispose();
    }
  });

  describe('dispose', () => {
    test('ends what runs and what waits as an abort does', async () => {
      const engine = new Engine(model, { slots: 1, length: 128 });
      const events: GenerateEvent[] = [];
      const generation = engine.generate([prompts[1]], { maxTokens: 100, ignoreEos: true });
      const follow = (async () => {
        for await (const event of generation) events.push(event);
      })();
      const waiting = engine.generate([prompts[2]]).result();
      while (events.length < 3) await turns(1);
      await Promise.all([engine.dispose(), engine.dispose()]);
      await follow;
      const [result] = await generation.result();
      expect(result.finishReason).toBe('abort');
      expect(result.ids).toEqual(events.map((e) => e.id));
      expect((await waiting)[0]).toMatchObject({ ids: [], finishReason: 'abort' });
      expect(() => engine.generate([prompts[1]])).toThrow(expect.objectContaining({ name: 'DisposedError' }));
    });

    test('a generation that was not started ends aborted', async () => {
      const engine = new Engine(model);
      const generation = engine.generate([prompts[1]]);
      await engine.dispose();
      expect((await generation.result())[0]).toMatchObject({ ids: [], finishReason: 'abort' });
    });

    test('gives all memory back, whatever went on', async () => {
      const run = async (): Promise<void> => {
        const engine = new Engine(model, { slots: 2, length: 100 });
        const kept = engine.generate([prompts[1]], { maxTokens: 50, ignoreEos: true }).result();
        await engine.generate([prompts[3]], { maxTokens: 3, promptLookup: true }).result();
        for await (const _ of engine.generate([prompts[3]], { maxTokens: 9 })) break;
        await rejection(engine.generate([prompts[2]], { ...poison, maxTokens: 2 }).result());
        await engine.dispose();
        await kept;
      };
      await run();
      await turns(5);
      const before = native().stats();
      for (let i = 0; i < 10; i++) await run();
      await turns(5);
      const after = native().stats();
      expect(after.liveBuffers).toBeLessThanOrEqual(before.liveBuffers);
      expect(after.liveBytes).toBeLessThanOrEqual(before.liveBytes);
    });

    test('an engine that was not used takes no memory', async () => {
      const before = native().stats();
      const engine = new Engine(model, { slots: 64, length: 256 });
      expect(native().stats()).toEqual(before);
      await engine.dispose();
    });
  });

  test.each<[string, object, RegExp]>([
    ['a misspelled name', { slot: 2 }, /Did you mean "slots"\?/],
    ['no slots', { slots: 0 }, /slots to be a whole number from 1 to 64, received 0/],
    ['half a slot', { slots: 1.5 }, /slots/],
    ['a length of 0', { length: 0 }, /length/],
    ['a negative readAhead', { readAhead: -1 }, /readAhead/],
  ])('%s is an OptionError', (_name, options, text) => {
    expect(() => new Engine(model, options)).toThrow(
      expect.objectContaining({ name: 'OptionError', message: expect.stringMatching(text) }),
    );
  });

  test('a length beyond the context is a ContextError; hooks belong to the engine', async () => {
    expect(() => new Engine(model, { length: 257 })).toThrow(expect.objectContaining({ name: 'ContextError' }));
    const engine = new Engine(model);
    const listener = (x: unknown): unknown => x;
    expect(() => engine.generate([prompts[1]], { listener } as object)).toThrow(
      expect.objectContaining({ name: 'OptionError' }),
    );
    await engine.dispose();
  });

  test('a step computes no token that nobody wants', async () => {
    const generation = generate(model, [prompts[1]], { maxTokens: 9, ignoreEos: true });
    const loop = generation[Symbol.asyncIterator]();
    await loop.next();
    await turns(20);
    await loop.return?.();
    expect((await generation.result())[0].ids).toHaveLength(1);
  });
});
