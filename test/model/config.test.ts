import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BitNetConfig } from '../../src/model/config';
import { parseConfig, withGenerationConfig } from '../../src/model/config';
import { MODELS, thrown } from '../load/fixtures';

type Json = Record<string, unknown>;

const bundled = (): Json => JSON.parse(readFileSync(join(MODELS.tiny, 'config.json'), 'utf8')) as Json;
const parse = (fields: Json = {}): BitNetConfig => parseConfig({ ...bundled(), ...fields }, 'config.json');
const without = (name: string): Json => Object.fromEntries(Object.entries(bundled()).filter(([key]) => key !== name));
const quant = (fields: Json = {}): Json => ({ quantization_config: { quant_method: 'bitnet', ...fields } });

/** The config of the released 2B model, whose defaults differ from the class that reads it. */
const RELEASED: Json = {
  architectures: ['BitNetForCausalLM'],
  auto_map: { AutoConfig: 'configuration_bitnet.BitNetConfig' },
  model_type: 'bitnet',
  hidden_size: 2560,
  intermediate_size: 6912,
  num_hidden_layers: 30,
  num_attention_heads: 20,
  num_key_value_heads: 5,
  vocab_size: 128256,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  rope_theta: 500000.0,
  hidden_act: 'relu2',
  tie_word_embeddings: true,
  bos_token_id: 128000,
  eos_token_id: 128001,
  quantization_config: { quant_method: 'bitnet', linear_class: 'autobitlinear', quantization_mode: 'offline' },
};

/** A Llama type with an explicit head size, no bos, several eos ids. */
const LLAMA: Json = {
  ...RELEASED,
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 3072,
  num_attention_heads: 12,
  num_key_value_heads: 4,
  head_dim: 256,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  tie_word_embeddings: false,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: null,
  eos_token_id: [11, 12],
  quantization_config: { quant_method: 'bitnet', modules_to_not_convert: null },
};

describe('parseConfig', () => {
  it('reads the bundled model', () => {
    expect(parse()).toEqual({
      architecture: 'bitnet',
      modelType: 'bitnet',
      hiddenSize: 256,
      intermediateSize: 768,
      numHiddenLayers: 6,
      numAttentionHeads: 4,
      numKeyValueHeads: 2,
      headDim: 64,
      vocabSize: 4096,
      maxPositionEmbeddings: 256,
      ropeTheta: 10000,
      rmsNormEps: 1e-5,
      hiddenAct: 'relu2',
      tieWordEmbeddings: true,
      subNorms: true,
      scaleRule: 'multiply',
      bosTokenId: 0,
      eosTokenIds: [1],
      raw: bundled(),
    });
  });

  it('reads the released 2B model: 5 KV heads of 128, not 4 of 160', () => {
    expect(parseConfig(RELEASED, 'x')).toMatchObject({
      headDim: 128,
      numKeyValueHeads: 5,
      scaleRule: 'multiply',
      subNorms: true,
    });
  });

  it('reads a Llama type', () => {
    expect(parseConfig(LLAMA, 'x')).toMatchObject({
      architecture: 'llama',
      headDim: 256,
      hiddenAct: 'silu',
      subNorms: false,
      scaleRule: 'divide',
      tieWordEmbeddings: false,
      bosTokenId: undefined,
      eosTokenIds: [11, 12],
    });
  });

  it.each([
    ['autobitlinear, offline', { linear_class: 'autobitlinear', quantization_mode: 'offline' }, 'multiply'],
    ['autobitlinear without a mode', { linear_class: 'autobitlinear' }, 'multiply'],
    ['autobitlinear, online', { linear_class: 'autobitlinear', quantization_mode: 'online' }, 'online'],
    ['bitlinear', { linear_class: 'bitlinear', quantization_mode: 'offline' }, 'divide'],
    ['no class at all', {}, 'divide'],
    ['the head left alone', { modules_to_not_convert: ['lm_head'], use_rms_norm: false }, 'divide'],
  ])('takes the scale rule from the linear class: %s', (_name, fields, rule) => {
    expect(parse(quant(fields)).scaleRule).toBe(rule);
  });

  it('takes the angle base from either place', () => {
    const nested = { rope_parameters: { rope_type: 'default', rope_theta: 1234.5 } };
    expect(parseConfig({ ...without('rope_theta'), ...nested }, 'x').ropeTheta).toBe(1234.5);
    expect(parse({ rope_parameters: { rope_type: 'default', rope_theta: 10000 } }).ropeTheta).toBe(10000);
    expect(parse({ rope_scaling: { type: 'default' } }).ropeTheta).toBe(10000);
  });

  it('derives missing heads by the rules of the format', () => {
    expect(parseConfig(without('num_key_value_heads'), 'x').numKeyValueHeads).toBe(4);
    expect(parse({ head_dim: 48 }).headDim).toBe(48);
  });

  it.each([
    'hidden_size',
    'intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'vocab_size',
    'max_position_embeddings',
    'rope_theta',
    'rms_norm_eps',
    'hidden_act',
    'tie_word_embeddings',
  ])('does not guess %s', (name) => {
    const error = thrown(() => parseConfig(without(name), 'a/config.json'));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD', op: 'parseConfig', details: { field: name } });
    expect(error.message).toMatch(`expected "${name}" in a/config.json to be`);
    expect(error.message).toMatch(/received nothing\. Correct the file/);
  });

  it.each([
    ['a string as size', { hidden_size: '256' }, /"hidden_size" .* an integer from 1 to 65536, received "256"/],
    ['a fraction', { num_hidden_layers: 1.5 }, /an integer from 1 to 1024, received 1\.5/],
    ['zero layers', { num_hidden_layers: 0 }, /received 0/],
    ['a million layers', { num_hidden_layers: 1e6 }, /received 1000000/],
    ['a huge vocabulary', { vocab_size: 2 ** 31 }, /an integer from 1 to 1000000/],
    ['a width beyond the accumulator', { intermediate_size: 65537 }, /from 1 to 65536/],
    ['a negative size', { hidden_size: -256 }, /received -256/],
    [
      'heads that KV heads do not divide',
      { num_key_value_heads: 3 },
      /a divisor of num_attention_heads \(4\), received 3/,
    ],
    ['more KV heads than heads', { num_key_value_heads: 8 }, /from 1 to 4, received 8/],
    ['a width that heads do not divide', { hidden_size: 255 }, /"head_dim" .* 255 is not a multiple of 4 heads/],
    ['an odd head', { head_dim: 63 }, /even \(rotary pairs\)/],
    [
      'heads that are too wide together',
      { num_attention_heads: 128, num_key_value_heads: 2, head_dim: 1024 },
      /at most 65536 for all heads/,
    ],
    ['a zero epsilon', { rms_norm_eps: 0 }, /"rms_norm_eps"/],
    ['an infinite base', { rope_theta: Infinity }, /"rope_theta"/],
    [
      'two bases',
      { rope_parameters: { rope_theta: 5 } },
      /the same as rope_parameters\.rope_theta \(5\), received 10000/,
    ],
    [
      'rope_parameters that are no object',
      { rope_parameters: 'default' },
      /a JSON object in config\.json, rope_parameters/,
    ],
    ['a flag that is a string', { tie_word_embeddings: 'true' }, /true or false, received "true"/],
    ['an eos id beyond the vocabulary', { eos_token_id: 4096 }, /token ids below vocab_size \(4096\), received 4096/],
    ['an eos id that is a word', { eos_token_id: ['</s>'] }, /token ids below vocab_size/],
    ['a negative bos id', { bos_token_id: -1 }, /token ids below vocab_size/],
    [
      'a quantization_config that is a list',
      { quantization_config: [] },
      /a JSON object in config\.json, quantization_config/,
    ],
  ])('refuses %s', (_name, fields, text) => {
    const error = thrown(() => parse(fields));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD' });
    expect(error.message).toMatch(text);
  });

  it.each([
    [
      'an unknown architecture',
      { architectures: ['MistralForCausalLM'] },
      /to be BitNetForCausalLM or LlamaForCausalLM, received "MistralForCausalLM"/,
    ],
    ['a property of every object as architecture', { architectures: ['constructor'] }, /received "constructor"/],
    ['two architectures', { architectures: ['BitNetForCausalLM', 'X'] }, /received \["BitNetForCausalLM", "X"\]/],
    ['no architecture', { architectures: undefined }, /received nothing/],
    ['another model type behind the class', { model_type: 'qwen3' }, /"model_type" .* to be bitnet, received "qwen3"/],
    ['an unknown activation', { hidden_act: 'gelu' }, /"hidden_act" .* relu2 or silu, received "gelu"/],
    ['no quantisation', { quantization_config: undefined }, /a ternary one \(quant_method bitnet\), received nothing/],
    [
      'another quantisation',
      { quantization_config: { quant_method: 'gptq' } },
      /quant_method" .* bitnet, received "gptq"/,
    ],
    [
      'an unknown linear class',
      quant({ linear_class: 'hbitlinear' }),
      /autobitlinear or bitlinear, received "hbitlinear"/,
    ],
    ['an unknown mode', quant({ quantization_mode: 'later' }), /offline or online, received "later"/],
    [
      'packed weights that are online',
      quant({ quantization_mode: 'online' }),
      /offline \(for linear_class bitlinear\)/,
    ],
    ['a norm inside each linear', quant({ use_rms_norm: true }), /use_rms_norm" .* false, received true/],
    [
      'a layer kept in floats',
      quant({ modules_to_not_convert: ['model.layers.0'] }),
      /received \["model\.layers\.0"\]/,
    ],
    [
      'scaled rotary angles',
      { rope_scaling: { rope_type: 'llama3', factor: 8 } },
      /rope_type" .* default, received "llama3"/,
    ],
    ['scaled angles in the old spelling', { rope_scaling: { type: 'linear' } }, /received "linear"/],
    [
      'scaled angles in the new place',
      { rope_parameters: { rope_type: 'yarn', rope_theta: 10000 } },
      /received "yarn"/,
    ],
    [
      'partly rotated heads',
      { rope_parameters: { partial_rotary_factor: 0.5 } },
      /partial_rotary_factor" .* 1, received 0\.5/,
    ],
    ['biases', { attention_bias: true }, /"attention_bias" .* false, received true/],
    ['a sliding window', { sliding_window: 1024 }, /"sliding_window" .* null, received 1024/],
  ])('does not run %s', (_name, fields, text) => {
    const error = thrown(() => parse(fields as Json));
    expect(error).toMatchObject({ name: 'UnsupportedError', code: 'ROTOR_UNSUPPORTED', op: 'parseConfig' });
    expect(error.message).toMatch(text);
  });

  it.each([[null], [[]], ['{}'], [7]])('refuses %p as a config', (json) => {
    expect(thrown(() => parseConfig(json, 'config.json'))).toMatchObject({ name: 'LoadError' });
  });
});

describe('withGenerationConfig', () => {
  it('lets the file override the ids that it gives', () => {
    const config = parse();
    expect(withGenerationConfig(config, { eos_token_id: [1, 2] }, 'g')).toMatchObject({
      bosTokenId: 0,
      eosTokenIds: [1, 2],
    });
    expect(withGenerationConfig(config, { bos_token_id: 5 }, 'g')).toMatchObject({ bosTokenId: 5, eosTokenIds: [1] });
  });

  it('checks the ids', () => {
    const error = thrown(() => withGenerationConfig(parse(), { eos_token_id: [99999] }, 'generation_config.json'));
    expect(error).toMatchObject({ name: 'LoadError', op: 'loadConfig' });
    expect(error.message).toContain('"eos_token_id" in generation_config.json');
  });
});
