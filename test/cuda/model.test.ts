import '../../src/ops/methods';

import { join } from 'node:path';

import { loadModel } from '../../src/language-model';
import { loadBitNet } from '../../src/load/load-model';
import type { BitNet } from '../../src/model/bitnet';
import { consecutiveRows } from '../../src/model/rows';
import { capture } from '../../src/program/capture';
import { scope } from '../../src/tensor/scope';
import { run, runWithCache, runWithHooks } from '../../src/trace/run';
import { MODELS } from '../load/fixtures';
import { type Golden, loadGolden } from '../load/golden';
import { describeCuda, simDevice } from './device';

jest.setTimeout(240_000); // every thread of every block is simulated

function bits(values: ArrayLike<number> & { readonly buffer: ArrayBufferLike }): string {
  return Buffer.from(values.buffer).toString('base64');
}

describeCuda('the bundled model on a simulated GPU', () => {
  let golden: Golden;
  let model: BitNet;
  let ids: number[];
  beforeAll(async () => {
    golden = await loadGolden(join(MODELS.tiny, 'golden'));
    const [first] = golden.cases;
    ids = [...first.ids, ...first.greedy64].slice(0, 12);
    model = await loadBitNet(MODELS.tiny, { device: simDevice });
  });
  afterAll(() => model.dispose());

  const logits = (): Float32Array => scope(() => run(model, ids).data().slice() as Float32Array);

  test('every record, fed with the inputs of the reference, is within the tolerance of its op', () => {
    scope(() => {
      const cache = model.makeCache(1, ids.length);
      const program = capture(() => model.forward(consecutiveRows(ids, simDevice), cache));
      const diff = program.diff('reference');
      expect(diff.rows.filter((r) => !r.ok)).toEqual([]);
      expect(diff.rows.length).toBeGreaterThan(10 * model.config.numHiddenLayers);
      program.dispose();
      cache.dispose();
    });
  });

  test('eager and captured give the same bits, and so do prompts in one piece or two', async () => {
    const want = bits(logits());
    const eager = scope(() => {
      const cache = model.makeCache(1, ids.length);
      const y = model.forward(consecutiveRows(ids, simDevice), cache).data().slice() as Float32Array;
      cache.dispose();
      return y;
    });
    expect(bits(eager)).toBe(want);
    const captured = scope(() => {
      const cache = model.makeCache(1, ids.length);
      const program = capture(() => model.forward(consecutiveRows(ids, simDevice), cache));
      program.stepSync();
      const y = program.outputs.data().slice() as Float32Array;
      program.dispose();
      cache.dispose();
      return y;
    });
    expect(bits(captured)).toBe(want);
    const parts = scope(() => {
      const cache = model.makeCache(1, ids.length);
      const first = model.forward(consecutiveRows(ids.slice(0, 5), simDevice), cache).data();
      const second = model.forward(consecutiveRows(ids.slice(5), simDevice, 5), cache).data();
      cache.dispose();
      return Float32Array.of(...first, ...second);
    });
    expect(bits(parts)).toBe(want);
  });

  // Sums are in the CPU's order here, so the yardstick of the CPU holds for these kernels too.
  test.each([
    ['rotor-tiny', MODELS.tiny, join(MODELS.tiny, 'golden')],
    ['odd', MODELS.odd, MODELS.odd],
    ['masters', MODELS.masters, MODELS.masters],
    ['llama', MODELS.llama, MODELS.llama],
  ])('%s gives the bits of the cpu', async (_name, path, goldenPath) => {
    const [first] = (await loadGolden(goldenPath)).cases;
    const sequence = [...first.ids, ...first.greedy64].slice(0, 20);
    const [simulated, cpu] = [await loadBitNet(path, { device: simDevice }), await loadBitNet(path)];
    const [got, want] = [simulated, cpu].map((m) => scope(() => run(m, sequence).data().slice() as Float32Array));
    for (const m of [simulated, cpu]) m.dispose();
    expect(bits(got)).toBe(bits(want));
  });

  test('hooks see and change values, and those that change nothing change no bit', () => {
    const want = bits(logits());
    scope(() => {
      const { logits: same, cache } = runWithCache(model, ids);
      expect(bits(same.data().slice() as Float32Array)).toBe(want);
      const pattern = cache.get('pattern', 0);
      expect(pattern.device).toBe(simDevice);
      const row = pattern.toFloat64Array().subarray(0, ids.length);
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      const changed = runWithHooks(model, ids, { fwdHooks: [['blocks.0.hook_mlp_out', (x) => x.mul(0)]] });
      expect(bits(changed.data().slice() as Float32Array)).not.toBe(want);
    });
  });

  test('generates the tokens of the cpu, and profiles a step', async () => {
    const onSim = await loadModel(MODELS.tiny, { device: simDevice });
    const onCpu = await loadModel(MODELS.tiny);
    try {
      const options = { maxTokens: 6, temperature: 0 };
      const [[got], [want]] = [
        await onSim.generate(ids, options).result(),
        await onCpu.generate(ids, options).result(),
      ];
      expect(got.ids).toEqual(want.ids);
    } finally {
      onSim.dispose();
      onCpu.dispose();
    }
    const cache = model.makeCache(1, 1);
    const program = capture(() => model.forward(consecutiveRows([1], simDevice), cache));
    const profile = await program.profile({ repeats: 1, bandwidth: 1e12 });
    expect(profile.rows.length).toBe(program.records.length);
    expect(profile.rows.every((r) => r.variant === simDevice && r.us >= 0)).toBe(true);
    program.dispose();
    cache.dispose();
  });
});
