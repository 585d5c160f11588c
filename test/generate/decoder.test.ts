import type { BitNet } from '../../src/model/bitnet';
import { Decoder } from '../../src/model/decoder';
import { native } from '../../src/native/addon';
import { scope } from '../../src/tensor/scope';
import { run } from '../../src/trace/run';
import { rejection } from '../load/fixtures';
import { prompts, tinyModel } from './models';

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, repetition: 1, presence: 0, frequency: 0 };
const prompt = prompts[3];

jest.setTimeout(30_000);

describe('Decoder', () => {
  let model: BitNet;
  let vocab: number;
  beforeAll(async () => {
    model = await tinyModel();
    vocab = model.config.vocabSize;
  });
  afterAll(() => model.dispose());

  // Logits of the eager model at every position.
  const eager = (ids: readonly number[]): Float32Array => scope(() => Float32Array.from(run(model, ids).data()));

  test.each([1, 7, 64])(
    'a prompt in chunks of at most %i gives the logits of the whole, bit for bit',
    async (maxChunk) => {
      const decoder = new Decoder(model, { slots: 2, length: prompt.length + 1 });
      try {
        const got = new Float32Array(prompt.length * vocab);
        const sizes: number[] = [];
        await decoder.prefill(1, prompt, {
          maxChunk,
          onLogits: (logits, first) => {
            sizes.push(logits.shape[0]);
            got.set(logits.data(), first * vocab);
          },
        });
        expect(Math.max(...sizes)).toBeLessThanOrEqual(maxChunk);
        expect(sizes.reduce((a, b) => a + b)).toBe(prompt.length);
        expect(Buffer.compare(Buffer.from(got.buffer), Buffer.from(eager(prompt).buffer))).toBe(0);
      } finally {
        decoder.dispose();
      }
    },
  );

  test('captured decode steps give the logits of the eager model, bit for bit, beside other slots', async () => {
    const decoder = new Decoder(model, { slots: 3, length: 40 });
    try {
      const start = prompts[2];
      for (const [slot, ids] of [prompts[1], start].entries()) {
        await decoder.prefill(slot, ids.slice(0, -1));
        decoder.state.start(slot, ids[ids.length - 1], ids.length - 1, ids, greedy, [0, 0], []);
      }
      const sequence = [...start];
      for (let i = 0; i < 6; i++) {
        const { logits } = await decoder.step();
        const row = Float32Array.from(logits.data().subarray(vocab, 2 * vocab));
        const want = eager(sequence).subarray((sequence.length - 1) * vocab);
        expect(Buffer.compare(Buffer.from(row.buffer), Buffer.from(want.slice().buffer))).toBe(0);
        sequence.push(decoder.state.tokens[1]);
        expect(decoder.state.positions[1]).toBe(sequence.length - 1);
        expect(decoder.state.positions[2]).toBe(-1);
      }
    } finally {
      decoder.dispose();
    }
  });

  test('sizes and slots are checked', async () => {
    expect(() => new Decoder(model, { slots: 1, length: 257 })).toThrow(
      expect.objectContaining({ name: 'ContextError' }),
    );
    const decoder = new Decoder(model, { slots: 1, length: 4 });
    try {
      expect(await rejection(decoder.prefill(0, [0, 1, 2, 3, 4]))).toMatchObject({
        name: 'ContextError',
        details: { limit: 4, positions: 5 },
      });
      expect(() => decoder.state.stop(1)).toThrow(expect.objectContaining({ name: 'OptionError' }));
      await decoder.prefill(0, [0, 1, 2]);
      decoder.state.start(0, 3, 3, [], greedy, [0, 0], []);
      await decoder.step();
      expect(await rejection(decoder.step())).toMatchObject({ name: 'ContextError' });
    } finally {
      decoder.dispose();
    }
  });

  test('use after dispose is a DisposedError, and everything is freed', async () => {
    const before = native().stats();
    const decoder = new Decoder(model, { slots: 2, length: 16 });
    await decoder.prefill(0, prompts[2]);
    void decoder.program;
    decoder.dispose();
    decoder.dispose();
    const after = native().stats();
    expect(after.liveBuffers).toBeLessThanOrEqual(before.liveBuffers);
    expect(after.liveBytes).toBeLessThanOrEqual(before.liveBytes);
    expect(await rejection(decoder.step())).toMatchObject({ name: 'DisposedError' });
    expect(await rejection(decoder.prefill(0, [1]))).toMatchObject({ name: 'DisposedError' });
  });
});
