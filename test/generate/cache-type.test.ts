import type { BitNet } from '../../src/model/bitnet';
import { Decoder } from '../../src/model/decoder';
import { cachePositionBytes } from '../../src/nn/kv-cache';
import { Engine, generate } from '../../src/generate';
import { memoryStats } from '../../src/native/device-info';
import { cacheTypes, type CacheType } from '../../src/ops/kv';
import type { Tensor } from '../../src/tensor/tensor';
import { prompts, tinyModel } from './models';

jest.setTimeout(60_000);

describe('cacheType', () => {
  let model: BitNet;
  beforeAll(async () => {
    model = await tinyModel();
  });
  afterAll(() => model.dispose());

  const text = Array.from({ length: 200 }, (_, i) => (i === 0 ? 0 : 10 + ((i * 37) % 4000)));

  // Logits of every position, the prompt cut into chunks.
  async function logitsOf(cacheType: CacheType, maxChunk = 64, tapped = false): Promise<Float32Array> {
    // A tap of the pattern takes attention apart into three steps.
    const listener = { wants: (name: string) => name.endsWith('hook_pattern'), tap: (_name: string, x: Tensor) => x };
    const shape = { slots: 1, length: text.length, cacheType };
    const decoder = new Decoder(model, tapped ? { ...shape, listener } : shape);
    const all: Float32Array[] = [];
    try {
      await decoder.prefill(0, text, { maxChunk, onLogits: (x) => all.push(Float32Array.from(x.data())) });
    } finally {
      decoder.dispose();
    }
    const out = new Float32Array(all.reduce((n, x) => n + x.length, 0));
    all.reduce((at, x) => (out.set(x, at), at + x.length), 0);
    return out;
  }

  test.each(cacheTypes)('%s: chunks of any size, and a tapped pattern, give the same bits', async (type) => {
    const same = (x: Float32Array): number => Buffer.compare(Buffer.from(x.buffer), Buffer.from(whole.buffer));
    const whole = await logitsOf(type);
    for (const chunk of [1, 7]) expect(same(await logitsOf(type, chunk))).toBe(0);
    expect(same(await logitsOf(type, 64, true))).toBe(0);
  });

  test.each(cacheTypes)('%s: five prompts together give what each gives alone', async (cacheType) => {
    const options = { maxTokens: 12, cacheType, temperature: 0.8, seed: 7, ignoreEos: true };
    const together = await generate(model, prompts, options).result();
    for (const [i, prompt] of prompts.entries()) {
      const [alone] = await generate(model, [prompt], options).result();
      expect(alone.ids).toEqual(together[i].ids);
    }
  });

  test.each(cacheTypes)('%s: a known beginning, copied from another slot, changes nothing', async (cacheType) => {
    const engine = new Engine(model, { slots: 2, length: 100, cacheType });
    const options = { maxTokens: 8, ignoreEos: true };
    const beginning = text.slice(0, 60);
    try {
      await engine.generate([[...beginning, 5]], options).result();
      for (const next of [
        [...beginning, 6],
        [...beginning, 7, 8],
      ]) {
        const [alone] = await generate(model, [next], { ...options, cacheType }).result();
        const [reused] = await engine.generate([next], options).result();
        expect(reused.ids).toEqual(alone.ids);
      }
      expect(() => engine.generate([[0]], { cacheType } as never)).toThrow(/cacheType as an option of the engine/);
    } finally {
      await engine.dispose();
    }
  });

  test('f16 stays near f32, i8 a little farther', async () => {
    const exact = await logitsOf('f32');
    const scale = exact.reduce((sum, x) => sum + Math.abs(x), 0) / exact.length;
    const distance = async (type: CacheType): Promise<number> =>
      (await logitsOf(type)).reduce((sum, x, i) => sum + Math.abs(x - exact[i]), 0) / exact.length / scale;
    const [half, codes] = [await distance('f16'), await distance('i8')];
    // Rounding by 2^-12 moves an int8 activation code now and then, and that is what shows.
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(0.02);
    expect(codes).toBeLessThan(0.06);
  });

  test('bytes are those of the elements and scales, and all are given back', () => {
    const { numHiddenLayers: layers, numKeyValueHeads: heads, headDim } = model.config;
    const before = memoryStats().liveBytes;
    for (const type of cacheTypes) {
      const cache = model.makeCache(3, 50, type);
      const element = { f32: 4, f16: 2, i8: 1 }[type];
      expect(cache.bytes).toBe(2 * layers * 3 * heads * 50 * (headDim * element + (type === 'i8' ? 4 : 0)));
      expect(cache.bytes).toBe(3 * 50 * cachePositionBytes({ layers, heads, headDim }, type));
      cache.dispose();
    }
    expect(memoryStats().liveBytes).toBe(before);
  });

  test('an unknown type is an error', () => {
    expect(() => generate(model, [[0]], { cacheType: 'f64' as never })).toThrow(/cacheType to be f32, f16, i8/);
    expect(() => new Decoder(model, { slots: 1, length: 4, cacheType: 'bf16' as never })).toThrow(/cacheType/);
  });
});
