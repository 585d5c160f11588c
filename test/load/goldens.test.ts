import { join } from 'node:path';
import { openCheckpoint } from '../../src/load/checkpoint';
import { checkTensors } from '../../src/load/expect';
import { loadConfig } from '../../src/load/load-config';
import { readTensorValues } from '../../src/load/read-tensor';
import { MODELS } from './fixtures';
import { loadGolden } from './golden';

const GOLDENS = [
  ['tiny', MODELS.tiny, join(MODELS.tiny, 'golden')],
  ['odd', MODELS.odd, MODELS.odd],
  ['masters', MODELS.masters, MODELS.masters],
  ['llama', MODELS.llama, MODELS.llama],
] as const;

/** Ternary matrix of a projection and the factor of its output, worked out from the file in the plainest way. */
async function ternary(
  dir: string,
  name: string,
): Promise<{ rows: number; columns: number; trits: Int8Array; scale: number }> {
  const config = await loadConfig(dir);
  const { tensors } = checkTensors(config, await openCheckpoint(dir));
  const entry = tensors.get(`${name}.weight`)!;
  const stored = await readTensorValues(entry);
  const columns = entry.shape[1];
  if (config.scaleRule === 'online') {
    const mean = Math.max(stored.reduce((sum, w) => sum + Math.abs(w), 0) / stored.length, 1e-5);
    const trits = Int8Array.from(stored, (w) => Math.max(-1, Math.min(1, roundHalfEven(w * (1 / mean)))));
    return { rows: entry.shape[0], columns, trits, scale: mean };
  }
  const packedRows = entry.shape[0];
  const trits = new Int8Array(4 * stored.length);
  stored.forEach((byte, at) => {
    for (let i = 0; i < 4; i++) {
      trits[i * packedRows * columns + at] = ((byte >> (2 * i)) & 3) - 1;
    }
  });
  expect(trits.every((trit) => trit <= 1)).toBe(true);
  const [scale] = await readTensorValues(tensors.get(`${name}.weight_scale`)!);
  return { rows: 4 * packedRows, columns, trits, scale: config.scaleRule === 'divide' ? 1 / scale : scale };
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A BitLinear on the rows of `x`: absmax int8 activations, exact integer product, one factor. */
function bitLinear(
  x: Float64Array,
  { rows, columns, trits, scale }: Awaited<ReturnType<typeof ternary>>,
): Float64Array {
  const out = new Float64Array((x.length / columns) * rows);
  for (let t = 0; t < x.length / columns; t++) {
    const row = x.subarray(t * columns, (t + 1) * columns);
    const s = 127 / row.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-5);
    // In float32, as transformers computed the product that it rounded.
    const q = row.map((value) => Math.max(-128, Math.min(127, roundHalfEven(Math.fround(value * Math.fround(s))))));
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let c = 0; c < columns; c++) sum += trits[r * columns + c] * q[c];
      out[t * rows + r] = (sum / s) * scale;
    }
  }
  return out;
}

describe.each(GOLDENS)('goldens of %s', (_name, dir, goldenDir) => {
  it('hold what golden.json says', async () => {
    const golden = await loadGolden(goldenDir);
    const { vocabSize, numHiddenLayers, subNorms } = await loadConfig(dir);
    expect(golden.cases).toHaveLength(24);
    golden.cases.forEach(({ ids, greedy64 }, i) => {
      expect(golden.shape(`case${i}.logits64`)).toEqual([ids.length, vocabSize]);
      if (i < 8) expect(golden.shape(`case${i}.logits`)).toEqual([ids.length, vocabSize]);
      expect(greedy64).toHaveLength(32);
      expect(Math.max(...ids, ...greedy64)).toBeLessThan(vocabSize);
    });
    const modules = golden.names.filter((name) => name.startsWith('case0.layers.'));
    expect(modules).toHaveLength(numHiddenLayers * (subNorms ? 12 : 10));
    expect(golden.summary.transformers.mean_abs_difference).toBeLessThan(golden.summary.max_abs_logit / 500);
  });

  it('agree with the weights: the last logits of float64 lead to the first greedy id', async () => {
    const golden = await loadGolden(goldenDir);
    for (const [i, { ids, greedy64 }] of golden.cases.entries()) {
      const last = (await golden.values(`case${i}.logits64`)).slice(-golden.shape(`case${i}.logits64`)[1]);
      expect([i, ids.length, last.indexOf(last.reduce((max, x) => Math.max(max, x), -Infinity))]).toEqual([
        i,
        ids.length,
        greedy64[0],
      ]);
    }
  });

  it('agree with the file: every projection of the first layer, from the recorded input', async () => {
    const golden = await loadGolden(goldenDir);
    const modules = [
      ['self_attn.q_proj', 'input_layernorm', 'q'],
      ['self_attn.k_proj', 'input_layernorm', 'k'],
      ['self_attn.v_proj', 'input_layernorm', 'v'],
      ['self_attn.o_proj', 'attn_sub_norm', 'o'],
      ['mlp.gate_proj', 'post_attention_layernorm', 'gate'],
      ['mlp.up_proj', 'post_attention_layernorm', 'up'],
      ['mlp.down_proj', 'ffn_sub_norm', 'down'],
    ].filter(([, input]) => golden.names.includes(`case0.layers.0.${input}`));
    expect(modules.length).toBeGreaterThanOrEqual(5);
    for (const [name, input, output] of modules) {
      const got = bitLinear(
        await golden.values(`case0.layers.0.${input}`),
        await ternary(dir, `model.layers.0.${name}`),
      );
      const want = await golden.values(`case0.layers.0.${output}`);
      const largest = want.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
      const worst = want.reduce((max, x, i) => Math.max(max, Math.abs(x - got[i])), 0);
      expect(got).toHaveLength(want.length);
      expect([name, worst / largest < 1e-5]).toEqual([name, true]);
    }
  });
});
