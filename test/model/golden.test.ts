import { join } from 'node:path';

import { loadBitNet } from '../../src/load/load-model';
import type { BitNet } from '../../src/model/bitnet';
import { capture } from '../../src/program/capture';
import { consecutiveRows } from '../../src/model/rows';
import { scope } from '../../src/tensor/scope';
import { run } from '../../src/trace/run';
import { MODELS } from '../load/fixtures';
import { type Golden, loadGolden } from '../load/golden';
import { moduleOutputs } from './modules';

jest.setTimeout(240_000); // the reference is slow on purpose

// How the numbers are proved: `reference` equals the float64 definition; `cpu` is right module by module and record by
// record, and end to end no farther from float64 than another float32 engine is.

const sets = [
  ['rotor-tiny', MODELS.tiny, join(MODELS.tiny, 'golden')],
  ['odd', MODELS.odd, MODELS.odd],
  ['masters', MODELS.masters, MODELS.masters],
  ['llama', MODELS.llama, MODELS.llama],
] as const;

function logitsOf(model: BitNet, ids: readonly number[]): Float64Array {
  return scope(() => run(model, ids).toFloat64Array());
}

function argmax(values: Float64Array): number {
  return values.reduce((best, v, i) => (v > values[best] ? i : best), 0);
}

// The positions that the golden logits cover: the prompt and the greedy continuation, but for its end.
function sequence(golden: Golden, i: number): number[] {
  const { ids, greedy64 } = golden.cases[i];
  return [...ids, ...greedy64].slice(0, golden.shape(`case${i}.logits64`)[0]);
}

describe.each(sets)('%s', (_name, path, goldenPath) => {
  let golden: Golden;
  beforeAll(async () => {
    golden = await loadGolden(goldenPath);
  });

  describe('reference', () => {
    let model: BitNet;
    beforeAll(async () => {
      model = await loadBitNet(path, { device: 'reference' });
    });
    afterAll(() => model.dispose());

    test('logits of every case equal the float64 definition, and so do the greedy ids', async () => {
      const { vocabSize } = model.config;
      for (let i = 0; i < golden.cases.length; i++) {
        const { ids, greedy64 } = golden.cases[i];
        const seq = sequence(golden, i);
        const got = logitsOf(model, seq);
        const want = await golden.values(`case${i}.logits64`);
        const max = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const worst = got.reduce((m, v, at) => Math.max(m, Math.abs(v - want[at])), 0);
        expect(worst).toBeLessThanOrEqual(1e-6 * max);
        // Each greedy id follows from the logits in front of it.
        for (let t = ids.length - 1; t < seq.length; t++) {
          const at = t - ids.length + 1;
          if (at < greedy64.length) expect(argmax(got.subarray(t * vocabSize, (t + 1) * vocabSize))).toBe(greedy64[at]);
        }
      }
    });
  });

  describe('cpu', () => {
    let model: BitNet;
    beforeAll(async () => {
      model = await loadBitNet(path);
    });
    afterAll(() => model.dispose());

    test('every module of case 0, fed with the recorded input, is within 1e-5 of its largest value', async () => {
      const names = golden.names.filter((name) => name.startsWith('case0.layers.'));
      expect(names.length).toBeGreaterThan(0);
      const outputs = await moduleOutputs(model, golden);
      expect([...outputs.keys()].sort()).toEqual([...names].sort());
      for (const name of names) {
        const want = await golden.values(name);
        const got = outputs.get(name) as Float64Array;
        const max = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const worst = want.reduce((m, v, i) => Math.max(m, Math.abs(v - got[i])), 0);
        if (!(worst <= 1e-5 * max)) throw new Error(`${name}: expected within ${1e-5 * max}, received ${worst}`);
      }
    });

    test('every record of the program, fed with the inputs of the reference, is within the tolerance of its op', () => {
      scope(() => {
        const ids = golden.cases[0].ids.slice(0, 16);
        const cache = model.makeCache(1, ids.length);
        const rows = consecutiveRows(ids, 'cpu');
        const program = capture(() => model.forward(rows, cache));
        const diff = program.diff('reference');
        const bad = diff.rows.filter((r) => !r.ok);
        expect(bad).toEqual([]);
        expect(diff.rows.length).toBeGreaterThan(10 * model.config.numHiddenLayers);
        program.dispose();
        cache.dispose();
      });
    });

    test('end to end no farther from float64 than transformers in float32', async () => {
      const { vocabSize } = model.config;
      let sum = 0;
      let count = 0;
      let same = 0;
      let positions = 0;
      for (let i = 0; i < golden.cases.length; i++) {
        const got = logitsOf(model, sequence(golden, i));
        const want = await golden.values(`case${i}.logits64`);
        got.forEach((v, at) => (sum += Math.abs(v - want[at])));
        count += got.length;
        for (let t = 0; t < got.length; t += vocabSize, positions++) {
          if (argmax(got.subarray(t, t + vocabSize)) === argmax(want.subarray(t, t + vocabSize))) same++;
        }
      }
      const { mean_abs_difference, top1_agreement } = golden.summary.transformers;
      expect(sum / count).toBeLessThanOrEqual(1.5 * mean_abs_difference);
      expect(same / positions).toBeGreaterThanOrEqual(top1_agreement - 0.01);
    });
  });
});
