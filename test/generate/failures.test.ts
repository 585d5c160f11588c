import '../../src/ops/methods';

import { Engine, generate, type GenerateOptions } from '../../src/generate';
import { Decoder } from '../../src/model/decoder';
import type { BitNet } from '../../src/model/bitnet';
import { greedy } from '../../src/model/step-state';
import type { TapListener } from '../../src/program/tap';
import type { Tensor } from '../../src/tensor/tensor';
import { prompts, tinyModel } from './models';

jest.setTimeout(60_000);

// A token whose keys or values are too large for an f16 cache, among sequences that have none of it.
describe('a key or value beyond f16', () => {
  let model: BitNet;
  /** The token with the largest first embedding, and a number between it and all others. */
  let special: number;
  let border: number;
  beforeAll(async () => {
    model = await tinyModel();
    const { embed } = model.weights;
    const [vocab, hidden] = embed.shape;
    const all = embed.toFloat64Array();
    const first = Array.from({ length: vocab }, (_, i) => all[i * hidden]);
    const order = first.map((_, i) => i).sort((a, b) => first[b] - first[a]);
    [special] = order;
    border = (first[order[0]] + first[order[1]]) / 2;
    expect(border).toBeGreaterThan(first[order[1]]);
  });
  afterAll(() => model.dispose());

  // Multiplies what a tap gives in the rows of the special token.
  function enlarge(tap: string): TapListener {
    let rows: Tensor | undefined;
    return {
      wants: (name) => name === 'hook_embed' || name === tap,
      tap: (name, x) => {
        if (name === 'hook_embed') {
          rows = x.slice(':', '0:1').gt(border).cast('f32');
          return x;
        }
        const factor = (rows as Tensor).mul(1e9).add(1);
        return x.mul(factor.reshape([x.shape[0], 1, 1]));
      },
    };
  }

  const taps = ['blocks.0.attn.hook_v', 'blocks.2.attn.hook_rot_k'];
  const extras: readonly GenerateOptions[] = [
    {},
    { logprobs: true, temperature: 0.7, repetitionPenalty: 1.3, seed: 3 },
  ];
  const cases = taps.flatMap((tap) => extras.map((extra) => [tap, extra] as const));

  test.each(cases)('%s, %j: the sequence fails, the others get what they get alone', async (tap, extra) => {
    const listener = enlarge(tap);
    const options = { maxTokens: 10, ignoreEos: true, ...extra };
    const bad = [0, 745, 14, special];
    const good = [prompts[1], prompts[4], prompts[3]];
    const alone = await Promise.all(
      good.map(async (p) => (await generate(model, [p], { ...options, listener, cacheType: 'f16' }).result())[0]),
    );
    const engine = new Engine(model, { slots: 4, length: 96, cacheType: 'f16', listener });
    try {
      const start = (p: readonly number[]) => engine.generate([p], options).result();
      const running = [start(good[0]), start(bad), start(good[1])];
      await expect(running[1]).rejects.toMatchObject({
        name: 'NativeError',
        message: expect.stringMatching(/\[kv_append_\] expected keys and values up to 65504.*Use a cache of f32 or i8/),
      });
      const [first] = await running[0];
      const [second] = await running[2];
      // Its slot is as good as new, and what it had read is read again.
      const [later] = await start([0, 745, 14, 262]);
      expect(later.usage.cachedTokens).toBeLessThanOrEqual(2);
      const [fresh] = await generate(model, [[0, 745, 14, 262]], { ...options, listener, cacheType: 'f16' }).result();
      for (const [got, want] of [
        [first, alone[0]],
        [second, alone[1]],
        [later, fresh],
      ]) {
        expect(got.ids).toEqual(want.ids);
        expect(got.logprobs).toEqual(want.logprobs);
      }
    } finally {
      await engine.dispose();
    }
  });

  test('in one call: the prompt at fault has the error, the others their tokens', async () => {
    const options = { maxTokens: 8, ignoreEos: true, logprobs: true, listener: enlarge(taps[0]) };
    const [bad, early] = [
      [0, 745, special],
      [0, special, 745, 14],
    ];
    const given = [prompts[1], bad, prompts[4], early];
    const events: number[] = [];
    const generation = generate(model, given, { ...options, cacheType: 'f16' });
    for await (const { sequence } of generation) events.push(sequence);
    expect(new Set(events)).toEqual(new Set([0, 2]));
    const results = await generation.result();
    expect(results.map((r) => r.finishReason)).toEqual(['length', 'error', 'length', 'error']);
    for (const i of [1, 3]) expect(results[i]).toMatchObject({ ids: [], error: { name: 'NativeError' } });
    for (const i of [0, 2]) {
      const [want] = await generate(model, [given[i]], { ...options, cacheType: 'f16' }).result();
      expect(results[i]).toMatchObject({ ids: want.ids, logprobs: want.logprobs });
      expect(results[i]).not.toHaveProperty('error');
    }
    // Nothing is too large for the others.
    const whole = await generate(model, given, { ...options, cacheType: 'f32' }).result();
    expect(whole.map((r) => r.finishReason)).toEqual(['length', 'length', 'length', 'length']);
    await expect(generate(model, [bad, early], { ...options, cacheType: 'f16' }).result()).rejects.toThrow(/65504/);
    await expect(generate(model, [early], { ...options, cacheType: 'f16' }).result()).rejects.toThrow(/65504/);
  });

  test('a decoder tells which row it was, and a hook that hides it does not hide the error', async () => {
    const hiding: TapListener = {
      wants: (name) => enlarge(taps[0]).wants(name) || name === 'ln_final.hook_out',
      tap: ((enlarging) => (name: string, x: Tensor) =>
        name === 'ln_final.hook_out' ? x.mul(0).eq(0).cast('f32') : enlarging.tap(name, x))(enlarge(taps[0])),
    };
    for (const [listener, hidden] of [
      [enlarge(taps[0]), false],
      [hiding, true],
    ] as const) {
      const decoder = new Decoder(model, { slots: 2, length: 8, cacheType: 'f16', listener });
      try {
        [5, special].forEach((token, row) => decoder.state.start(row, token, 0, [], greedy, [0, 0], []));
        const stepping = decoder.stepRows(2);
        if (hidden) await expect(stepping).rejects.toThrow(/65504/);
        else {
          await stepping;
          expect(Array.from(decoder.state.tokens, (t) => t >= 0)).toEqual([true, false]);
          expect(decoder.rowError(1).message).toMatch(/65504/);
        }
        decoder.state.start(1, special, 0, [], greedy, [0, 0], []);
        await expect(decoder.step()).rejects.toThrow(/65504/);
      } finally {
        decoder.dispose();
      }
    }
  });
});
