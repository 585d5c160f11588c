import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../../src/load/checkpoint';
import { openCheckpoint } from '../../src/load/checkpoint';
import { checkTensors, expectedTensors } from '../../src/load/expect';
import { loadConfig } from '../../src/load/load-config';
import type { TensorEntry } from '../../src/load/safetensors';
import type { BitNetConfig } from '../../src/model/config';
import { parseConfig } from '../../src/model/config';
import { MODELS, thrown } from './fixtures';

const Q = 'model.layers.0.self_attn.q_proj.weight';

/** The checkpoint with some entries replaced (`undefined` removes one). */
async function changed(model: string, changes: Record<string, Partial<TensorEntry> | undefined>): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(model);
  const tensors = new Map(checkpoint.tensors);
  for (const [name, fields] of Object.entries(changes)) {
    const entry = tensors.get(name) ?? { name, dtype: 'F32', shape: [1], file: 'f', begin: 0, bytes: 4 };
    if (fields === undefined) tensors.delete(name);
    else tensors.set(name, { ...entry, ...fields });
  }
  return { ...checkpoint, tensors };
}

describe('expectedTensors', () => {
  it('counts the 542 tensors and 1,178,562,980 bytes of the released 2B model', () => {
    const json = JSON.parse(readFileSync(join(MODELS.tiny, 'config.json'), 'utf8')) as Record<string, unknown>;
    const config = parseConfig(
      {
        ...json,
        hidden_size: 2560,
        intermediate_size: 6912,
        num_hidden_layers: 30,
        num_attention_heads: 20,
        num_key_value_heads: 5,
        vocab_size: 128256,
      },
      'x',
    );
    const tensors = expectedTensors(config);
    expect(tensors).toHaveLength(542);
    const bytes = tensors.map(({ shapes, dtypes }) => shapes[0].reduce((a, b) => a * b, dtypes[0] === 'U8' ? 1 : 2));
    expect(bytes.reduce((a, b) => a + b)).toBe(1_178_562_980);
  });

  it('describes a packed matrix as stored and as meant', async () => {
    const tensors = expectedTensors(await loadConfig(MODELS.llama));
    expect(tensors.find((tensor) => tensor.name === Q)).toEqual({
      name: Q,
      role: 'packed',
      layer: 0,
      shapes: [[48, 128]],
      dtypes: ['U8'],
      logicalShape: [192, 128],
    });
    expect(tensors.find((tensor) => tensor.name === `${Q}_scale`)).toMatchObject({
      role: 'scale',
      shapes: [[1], []],
      dtypes: ['BF16', 'F16', 'F32'],
    });
    expect(tensors.find((tensor) => tensor.name === 'lm_head.weight')).toMatchObject({
      role: 'head',
      logicalShape: [300, 128],
    });
    expect(tensors.some((tensor) => tensor.name.includes('sub_norm'))).toBe(false);
  });

  it('asks for masters when they are ternarised at load', async () => {
    const roles = expectedTensors(await loadConfig(MODELS.masters)).map((tensor) => tensor.role);
    expect(roles.filter((role) => role === 'master')).toHaveLength(14);
    expect(roles).not.toContain('scale');
    expect(roles).not.toContain('packed');
  });

  it('refuses to pack rows that do not come in fours', async () => {
    const config: BitNetConfig = { ...(await loadConfig(MODELS.tiny)), intermediateSize: 766 };
    const error = thrown(() => expectedTensors(config));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD', op: 'checkTensors' });
    expect(error.message).toMatch(
      /mlp\.gate_proj\.weight to have rows in fours .*, received 766 rows\. Use float master weights/,
    );
    expect(expectedTensors({ ...config, scaleRule: 'online' })).toHaveLength(6 * 11 + 2);
  });
});

describe('checkTensors', () => {
  it.each(['tiny', 'odd', 'masters', 'llama'] as const)('accepts %s', async (name) => {
    const config = await loadConfig(MODELS[name]);
    const checkpoint = await openCheckpoint(MODELS[name]);
    const { tensors, ignored } = checkTensors(config, checkpoint);
    expect(tensors.size).toBe(checkpoint.tensors.size);
    expect(ignored).toEqual([]);
  });

  it('tolerates rotary tables and a copy of the tied head', async () => {
    const checkpoint = await changed(MODELS.tiny, {
      'model.layers.0.self_attn.rotary_emb.inv_freq': {},
      'lm_head.weight': {},
    });
    const { tensors, ignored } = checkTensors(await loadConfig(MODELS.tiny), checkpoint);
    expect([...ignored].sort()).toEqual(['lm_head.weight', 'model.layers.0.self_attn.rotary_emb.inv_freq']);
    expect(tensors.size).toBe(110);
  });

  it('accepts a scale of any float dtype, scalar or [1]', async () => {
    for (const fields of [{ dtype: 'F16' }, { dtype: 'F32', shape: [] }] as const) {
      const checkpoint = await changed(MODELS.tiny, { [`${Q}_scale`]: fields });
      expect(checkTensors(await loadConfig(MODELS.tiny), checkpoint).tensors.size).toBe(110);
    }
  });

  it.each<[string, Record<string, Partial<TensorEntry> | undefined>, RegExp]>([
    ['a missing tensor', { [Q]: undefined }, /q_proj\.weight: expected U8 \[64, 256\], received nothing/],
    [
      'a missing scale',
      { [`${Q}_scale`]: undefined },
      /q_proj\.weight_scale: expected BF16 or F16 or F32 \[1\] or \[\], received nothing/,
    ],
    ['a transposed matrix', { [Q]: { shape: [256, 64] } }, /expected U8 \[64, 256\], received U8 \[256, 64\]/],
    ['a scale for each row', { [`${Q}_scale`]: { shape: [256] } }, /received BF16 \[256\]/],
    [
      'float weights where packed ones belong',
      { [Q]: { dtype: 'BF16', shape: [256, 256] } },
      /expected U8 \[64, 256\], received BF16 \[256, 256\]/,
    ],
    [
      'an integer norm',
      { 'model.norm.weight': { dtype: 'I32' } },
      /model\.norm\.weight: expected BF16 or F32 \[256\], received I32 \[256\]/,
    ],
    [
      'a sub-norm of the wrong width',
      { 'model.layers.5.mlp.ffn_sub_norm.weight': { shape: [256] } },
      /expected BF16 or F32 \[768\], received BF16 \[256\]/,
    ],
    [
      'a bias',
      { 'model.layers.0.self_attn.q_proj.bias': {} },
      /q_proj\.bias: expected no such tensor, received F32 \[1\]/,
    ],
    ['a seventh layer', { 'model.layers.6.input_layernorm.weight': {} }, /model\.layers\.6.*: expected no such tensor/],
  ])('refuses %s', async (_name, changes, text) => {
    const config = await loadConfig(MODELS.tiny);
    const checkpoint = await changed(MODELS.tiny, changes);
    const error = thrown(() => checkTensors(config, checkpoint));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD', op: 'checkTensors' });
    expect(error.message).toMatch(text);
    expect(error.message).toMatch(/received 1 that differ\. Take config\.json and the weights from the same model/);
    expect(error.details?.['faults']).toHaveLength(1);
  });

  it('lists at most eight faults of a model that does not belong to the config', async () => {
    const checkpoint = await openCheckpoint(MODELS.tiny);
    const config = await loadConfig(MODELS.odd);
    const error = thrown(() => checkTensors(config, checkpoint));
    expect(error.message.split('\n')).toHaveLength(10);
    expect(error.message).toMatch(/\n {2}and \d+ more$/);
  });

  it('asks for the head of an untied model', async () => {
    const checkpoint = await changed(MODELS.llama, { 'lm_head.weight': undefined });
    const config = await loadConfig(MODELS.llama);
    expect(thrown(() => checkTensors(config, checkpoint)).message).toMatch(
      /lm_head\.weight: expected BF16 or F32 \[300, 128\], received nothing/,
    );
  });
});
