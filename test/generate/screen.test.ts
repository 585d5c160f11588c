import { bench } from '../../src/bench/bench';
import { modelSize } from '../../src/bench/floor';
import { generate, type GenerateEvent, type GenerateOptions } from '../../src/generate';
import { BitNet } from '../../src/model/bitnet';
import { Decoder } from '../../src/model/decoder';
import { greedy } from '../../src/model/step-state';
import { native } from '../../src/native/addon';
import { HeadScreen } from '../../src/nn/head-screen';
import { mul } from '../../src/ops/binary';
import { zeros } from '../../src/tensor/create';
import { hookListener } from '../../src/trace/run';
import { prompts, tinyModel } from './models';

jest.setTimeout(30_000);

// The bundled model is too small to be screened by itself; here is one that is, with the same weights.
let plain: BitNet;
let screened: BitNet;

beforeAll(async () => {
  plain = await tinyModel();
  screened = new BitNet(plain.config, { ...plain.weights, screen: HeadScreen.of(plain.weights.head) });
});
afterAll(() => screened.dispose());

const idsOf = async (model: BitNet, options: GenerateOptions): Promise<(readonly number[])[]> =>
  (await generate(model, prompts, options).result()).map((r) => r.ids);

test.each<[string, GenerateOptions]>([
  ['greedy', {}],
  ['top-k', { temperature: 1, topK: 40, seed: 3 }],
  ['few', { temperature: 2, topK: 2, seed: 4 }],
  ['top-k and top-p', { temperature: 0.9, topK: 50, topP: 0.9, seed: 5 }],
  [
    'every filter',
    {
      temperature: 1.1,
      topK: 30,
      typicalP: 0.95,
      topP: 0.9,
      minP: 0.01,
      repetitionPenalty: 1.2,
      presencePenalty: 0.2,
      frequencyPenalty: 0.1,
      seed: 6,
    },
  ],
  ['penalties', { repetitionPenalty: 1.5, presencePenalty: 1 }],
  ['biases', { logitBias: { 50: 6, 262: -Infinity, 14: -3 }, minTokens: 10 }],
  ['no top-k: all logits', { temperature: 1, topP: 0.9, seed: 7 }],
  [
    'side by side',
    { perSequence: [{}, { topK: 5, seed: 1 }, { temperature: 1, seed: 2 }, {}, { topK: 600, seed: 3 }] },
  ],
])('generation with a screen draws the same tokens: %s', async (_name, options) => {
  const all = { maxTokens: 20, ignoreEos: true, ...options };
  const want = await idsOf(plain, all);
  const threads = native().getThreads();
  try {
    for (const count of [1, 2]) {
      native().setThreads(count);
      expect(await idsOf(screened, all)).toEqual(want);
    }
  } finally {
    native().setThreads(threads);
  }
});

test('a step with a screen reads a few rows of the head, and leaves the candidates', async () => {
  const vocab = screened.config.vocabSize;
  const [few, all] = (['candidates', 'all'] as const).map(
    (logits) => new Decoder(screened, { slots: 3, length: 30, logits }),
  );
  try {
    for (const decoder of [few, all]) {
      decoder.state.start(0, 5, 0, [], greedy, [1, 1], []);
      decoder.state.start(2, 9, 0, [], { ...greedy, temperature: 1, topK: 7 }, [1, 1], []);
    }
    let read = 0;
    for (let i = 0; i < 20; i++) {
      const { logits, rescored, logprob } = await few.step();
      const whole = await all.step();
      expect(logprob).toBeUndefined();
      expect(whole.rescored).toBeUndefined();
      expect(Array.from(few.state.tokens)).toEqual(Array.from(all.state.tokens));
      const kept = Array.from(logits.data(), (z, i) => [i, z]).filter(([, z]) => z > -Infinity);
      for (const [i, z] of kept) expect(z).toBe(whole.logits.data()[i]);
      expect(kept.filter(([i]) => i < vocab)).toHaveLength(1);
      expect(kept.filter(([i]) => i >= vocab && i < 2 * vocab)).toHaveLength(0);
      expect(kept.filter(([i]) => i >= 2 * vocab)).toHaveLength(7);
      const counts = rescored?.data() ?? [];
      expect(counts[1]).toBe(0);
      read += counts[0] + counts[2];
    }
    expect(read / 40).toBeLessThan(vocab / 8);
  } finally {
    few.dispose();
    all.dispose();
  }
});

test('without a screen, or under a hook on the logits, candidates are all logits', async () => {
  const listener = hookListener('test', screened, [['unembed.hook_out', (x) => mul(x, -1)]]);
  const options = { maxTokens: 8, ignoreEos: true, ...(listener && { listener }) };
  expect(await idsOf(screened, options)).toEqual(await idsOf(plain, options));
  expect(await idsOf(screened, options)).not.toEqual(await idsOf(plain, { maxTokens: 8, ignoreEos: true }));
  const decoder = new Decoder(plain, { slots: 1, length: 2, logits: 'candidates' });
  try {
    expect(decoder.program.outputs.rescored).toBeUndefined();
    expect(decoder.program.records.map((r) => r.def.name)).not.toContain('screened_linear');
  } finally {
    decoder.dispose();
  }
});

test('log probabilities are those of all logits, and events have them only where they are wanted', async () => {
  const events = async (model: BitNet, options: GenerateOptions): Promise<GenerateEvent[]> => {
    const list: GenerateEvent[] = [];
    for await (const event of generate(model, [prompts[1]], { maxTokens: 6, ignoreEos: true, ...options }))
      list.push(event);
    return list;
  };
  for (const model of [plain, screened])
    for (const e of await events(model, {})) expect(e).not.toHaveProperty('logprob');
  const want = await events(plain, { topLogprobs: 3 });
  want.forEach((e) => expect(e.logprob).toBeCloseTo(e.topLogprobs?.[0].logprob ?? NaN, 5));
  expect(await events(screened, { topLogprobs: 3 })).toEqual(want);
  expect((await events(screened, { logprobs: true })).map((e) => e.logprob)).toEqual(want.map((e) => e.logprob));
  const prompted = { maxTokens: 3, ignoreEos: true, promptLogprobs: 2 };
  const [a, b] = await Promise.all([plain, screened].map((m) => generate(m, prompts, prompted).result()));
  expect(b.map((r) => [r.ids, r.promptLogprobs, r.promptTopLogprobs])).toEqual(
    a.map((r) => [r.ids, r.promptLogprobs, r.promptTopLogprobs]),
  );
});

test('the bench counts the copy instead of the head, and its hashes are the same', async () => {
  const { head, screen } = screened.weights;
  const saved = modelSize(plain).weightBytes - modelSize(screened).weightBytes;
  expect(saved).toBe(head.bytes - (screen?.bytes ?? 0));
  const options = { nPrompt: 4, nGen: 5, repetitions: 1, warmup: false };
  const [a, b] = [await bench(plain, options), await bench(screened, options)];
  expect(b.map((r) => [r.output_hash, r.logits_hash])).toEqual(a.map((r) => [r.output_hash, r.logits_hash]));
});

test('a large head on cpu pays; other logits than all and candidates are an OptionError', () => {
  expect(plain.weights.screen).toBeUndefined();
  expect(HeadScreen.pays(plain.weights.head)).toBe(false);
  const large = zeros([4096, 1024], { dtype: 'bf16' });
  expect(HeadScreen.pays(large)).toBe(true);
  large.dispose();
  expect(() => new Decoder(plain, { slots: 1, length: 2, logits: 'some' as 'all' })).toThrow(
    expect.objectContaining({ name: 'OptionError' }),
  );
});

test('a decode program with a screen agrees with the reference record by record', () => {
  const decoder = new Decoder(screened, { slots: 1, length: 2, logits: 'candidates' });
  const params = { ...greedy, temperature: 1, topK: 9 };
  try {
    decoder.state.start(0, 5, 0, [], params, [1, 1], []);
    const diff = decoder.program.diff('reference');
    expect(diff.rows.find((r) => r.op === 'screened_linear')).toBeDefined();
    expect(diff.rows.filter((r) => !r.ok)).toEqual([]);
  } finally {
    decoder.dispose();
  }
});
