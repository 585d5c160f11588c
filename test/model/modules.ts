import type { BitNet } from '../../src/model/bitnet';
import { consecutiveRows } from '../../src/model/rows';
import { add } from '../../src/ops/binary';
import { PartedTernary } from '../../src/nn/parted-ternary';
import type { TernaryLinear } from '../../src/nn/ternary-linear';
import { quantizeAct } from '../../src/ops/quantize';
import { ternaryMatmul } from '../../src/ops/ternary';
import { fromTypedArray } from '../../src/tensor/create';
import { scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';
import { CacheListener } from '../../src/trace/listeners';
import { withTaps } from '../../src/program/tap';
import type { Golden } from '../load/golden';

/**
 * Every recorded module of case 0 run alone: it gets the recorded values of what comes before it, so that an error shows
 * where it is made. Keys are the names in the golden file.
 */
export async function moduleOutputs(model: BitNet, golden: Golden): Promise<Map<string, Float64Array>> {
  const outputs = new Map<string, Float64Array>();
  const recorded = async (layer: number, name: string): Promise<Tensor> => {
    const key = `case0.layers.${layer}.${name}`;
    return fromTypedArray(Float32Array.from(await golden.values(key)), { shape: golden.shape(key) });
  };
  const { ids } = golden.cases[0];
  const rows = consecutiveRows(ids, 'cpu');
  const cache = model.makeCache(1, ids.length);
  for (let l = 0; l < model.config.numHiddenLayers; l++) {
    const block = model.weights.blocks[l];
    const name = `blocks.${l}`;
    const layerCache = cache.layers[l];
    const save = (module: string, x: Tensor): void =>
      void outputs.set(`case0.layers.${l}.${module}`, x.toFloat64Array());
    const pre = l === 0 ? embedded(model, ids) : await recorded(l - 1, 'out');
    save('input_layernorm', block.ln1.forward(pre, `${name}.ln1`));
    const x = await recorded(l, 'input_layernorm');
    product(block.attn.qkv, x).forEach((y, i) => save('qkv'[i], y));
    // Attention itself is not recorded: its recorded neighbours are fed through hooks on a run of the block's attention.
    const [q, k, v] = [await recorded(l, 'q'), await recorded(l, 'k'), await recorded(l, 'v')];
    const replaced = new Map(
      [
        ['q', q],
        ['k', k],
        ['v', v],
      ].map(([n, y]) => [`${name}.attn.${n as string}.hook_out`, y as Tensor]),
    );
    const seen = new CacheListener(new Set([`${name}.attn.sub_norm.hook_out`, `${name}.attn.o.hook_in`]));
    withTaps(
      {
        wants: (n) => replaced.has(n) || seen.wants(n),
        tap: (n, y) => replaced.get(n) ?? seen.tap(n, y),
      },
      () => block.attn.forward(x, rows, model.weights.ropes, layerCache, `${name}.attn`),
    );
    const hasSubNorm = block.attn.subNorm !== undefined;
    if (hasSubNorm) save('attn_sub_norm', seen.values.get(`${name}.attn.sub_norm.hook_out`) as Tensor);
    const oIn = hasSubNorm ? await recorded(l, 'attn_sub_norm') : (seen.values.get(`${name}.attn.o.hook_in`) as Tensor);
    save('o', product(block.attn.o, oIn)[0]);
    const mid = add(pre, await recorded(l, 'o'));
    save('post_attention_layernorm', block.ln2.forward(mid, `${name}.ln2`));
    const y = await recorded(l, 'post_attention_layernorm');
    product(block.mlp.gateUp, y).forEach((z, i) => save(['gate', 'up'][i], z));
    const [gate, up] = [await recorded(l, 'gate'), await recorded(l, 'up')];
    const hidden = new CacheListener(new Set([`${name}.mlp.sub_norm.hook_out`, `${name}.mlp.out.hook_in`]));
    withTaps(
      {
        wants: (n) => n === `${name}.mlp.hook_pre` || n === `${name}.mlp.hook_pre_linear` || hidden.wants(n),
        tap: (n, z) => (n.endsWith('hook_pre') ? gate : n.endsWith('hook_pre_linear') ? up : hidden.tap(n, z)),
      },
      () => block.mlp.forward(y, `${name}.mlp`),
    );
    if (hasSubNorm) save('ffn_sub_norm', hidden.values.get(`${name}.mlp.sub_norm.hook_out`) as Tensor);
    const downIn = hasSubNorm
      ? await recorded(l, 'ffn_sub_norm')
      : (hidden.values.get(`${name}.mlp.out.hook_in`) as Tensor);
    save('down', product(block.mlp.down, downIn)[0]);
    save('out', add(mid, await recorded(l, 'down')));
  }
  cache.dispose();
  return outputs;
}

// A projection of recorded input. The recording engine takes the scale as a float32 reciprocal times 127 and multiplies in
// float32, which can carry a near-tie to the other side: there, and only there, its codes are fed instead of ours.
function product(linear: TernaryLinear, x: Tensor): Tensor[] {
  const [q8, scale] = quantizeAct(x);
  const K = x.shape[1];
  const values = x.toFloat64Array();
  const codes = Int8Array.from(q8.data());
  codes.forEach((code, i) => {
    const row = values.subarray(Math.floor(i / K) * K, (Math.floor(i / K) + 1) * K);
    const s = Math.fround(127 * Math.fround(1 / row.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-5)));
    const exact = values[i] * s;
    if (Math.abs(Math.abs(exact % 1) - 0.5) > 3e-5) return;
    const rounded = Math.fround(exact);
    const down = Math.floor(rounded);
    const half = rounded - down === 0.5;
    codes[i] = Math.max(-128, Math.min(127, half ? down + (down & 1 ? 1 : 0) : Math.round(rounded)));
    expect(Math.abs(codes[i] - code)).toBeLessThanOrEqual(1);
  });
  const { weight, rows } = linear;
  const given = fromTypedArray(codes, { shape: x.shape });
  return weight instanceof PartedTernary
    ? weight.product(given, scale, rows)
    : ternaryMatmul(given, scale, weight, rows);
}

function embedded(model: BitNet, ids: readonly number[]): Tensor {
  const seen = new CacheListener(new Set(['hook_embed']));
  scope(() => {
    const cache = model.makeCache(1, ids.length);
    withTaps(seen, () => model.forward(consecutiveRows(ids, 'cpu'), cache));
    cache.dispose();
  });
  return seen.values.get('hook_embed') as Tensor;
}
