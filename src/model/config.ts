import { UnsupportedError } from '../native/errors';
import { describe } from '../native/options';
import { JsonFields } from './json-fields';

/** Where the seven projections of a layer come from and how their scale is applied. */
export type ScaleRule =
  /** packed ternary, `y = (q · T) / s * weight_scale` (`autobitlinear`) */
  | 'multiply'
  /** packed ternary, `y = (q · T) / s / weight_scale` (`bitlinear`) */
  | 'divide'
  /** float master weights, ternarised at load: `mu = max(mean|W|, 1e-5)`, `T = clamp(round(W / mu), -1, 1)`, `y = (q · T) / s * mu` */
  | 'online';

/** A ternary decoder as `config.json` describes it. Sizes count elements. */
export interface BitNetConfig {
  /** `bitnet` has sub-norms before the output and down projections, `llama` has none. */
  readonly architecture: 'bitnet' | 'llama';
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Longest context, in tokens. */
  readonly maxPositionEmbeddings: number;
  readonly ropeTheta: number;
  readonly rmsNormEps: number;
  /** Activation of the gate: `relu2` is `max(x, 0)²`, `silu` is `x / (1 + e^-x)`. */
  readonly hiddenAct: 'relu2' | 'silu';
  /** True when the embedding is also the output head. */
  readonly tieWordEmbeddings: boolean;
  readonly subNorms: boolean;
  readonly scaleRule: ScaleRule;
  /** `undefined` for models that start without a special token. */
  readonly bosTokenId: number | undefined;
  /** Ids that end a generation; may be empty. */
  readonly eosTokenIds: readonly number[];
  /** The parsed `config.json`, untouched. */
  readonly raw: Readonly<Record<string, unknown>>;
}

const OP = 'parseConfig';
const ARCHITECTURES: Readonly<Record<string, BitNetConfig['architecture']>> = {
  BitNetForCausalLM: 'bitnet',
  LlamaForCausalLM: 'llama',
};
/** An int32 accumulator of a ternary product holds 2^16 terms of at most 2 · 128. */
const WIDTH = { min: 1, max: 65536 };

/**
 * Checks a parsed `config.json` and turns it into a {@link BitNetConfig}. Nothing that changes the numbers is guessed: a
 * feature without an implementation is an error, and so is a missing field that has no rule of its own.
 *
 * Rules for missing fields, as in Hugging Face `transformers`: `head_dim` is `hidden_size / num_attention_heads`,
 * `num_key_value_heads` is `num_attention_heads`, a `quantization_config` without `linear_class` is `bitlinear`.
 *
 * @param json content of the file
 * @param where name of the file, for error texts
 * @throws LoadError if a field is missing, of the wrong type or out of range
 * @throws UnsupportedError if the model needs something Rotor does not have; the text names what is accepted
 */
export function parseConfig(json: unknown, where: string): BitNetConfig {
  const fields = new JsonFields(OP, where, json);
  const architecture = parseArchitecture(fields, where);
  refuseExtras(fields, where);
  const hiddenAct = oneOf(fields.string('hidden_act'), ['relu2', 'silu'] as const, 'hidden_act', where);
  const hiddenSize = fields.integer('hidden_size', WIDTH);
  const numAttentionHeads = fields.integer('num_attention_heads', { min: 1, max: 1024 });
  const numKeyValueHeads = fields.has('num_key_value_heads')
    ? fields.integer('num_key_value_heads', { min: 1, max: numAttentionHeads })
    : numAttentionHeads;
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw fields.fault('num_key_value_heads', `a divisor of num_attention_heads (${numAttentionHeads})`);
  }
  const vocabSize = fields.integer('vocab_size', { min: 1, max: 1_000_000 });
  const config: BitNetConfig = {
    architecture,
    modelType: fields.has('model_type') ? fields.string('model_type') : architecture,
    hiddenSize,
    intermediateSize: fields.integer('intermediate_size', WIDTH),
    numHiddenLayers: fields.integer('num_hidden_layers', { min: 1, max: 1024 }),
    numAttentionHeads,
    numKeyValueHeads,
    headDim: parseHeadDim(fields, hiddenSize, numAttentionHeads),
    vocabSize,
    maxPositionEmbeddings: fields.integer('max_position_embeddings', { min: 1, max: 2 ** 24 }),
    ropeTheta: parseRopeTheta(fields, where),
    rmsNormEps: fields.number('rms_norm_eps', { min: 1e-12, max: 1 }),
    hiddenAct,
    tieWordEmbeddings: fields.boolean('tie_word_embeddings'),
    subNorms: architecture === 'bitnet',
    scaleRule: parseScaleRule(fields, where),
    bosTokenId: tokenIds(fields, 'bos_token_id', vocabSize)[0],
    eosTokenIds: tokenIds(fields, 'eos_token_id', vocabSize),
    raw: fields.raw,
  };
  return config;
}

/**
 * Lets `generation_config.json` override the ids that start and end a generation, as in Hugging Face `transformers`.
 *
 * @param config the model
 * @param json content of the file
 * @param where name of the file, for error texts
 * @returns a config with the ids of the file where it gives some
 * @throws LoadError if the file is not an object or an id is not in the vocabulary
 */
export function withGenerationConfig(config: BitNetConfig, json: unknown, where: string): BitNetConfig {
  const fields = new JsonFields('loadConfig', where, json);
  const bos = tokenIds(fields, 'bos_token_id', config.vocabSize);
  const eos = tokenIds(fields, 'eos_token_id', config.vocabSize);
  return { ...config, bosTokenId: bos[0] ?? config.bosTokenId, eosTokenIds: eos.length > 0 ? eos : config.eosTokenIds };
}

function parseArchitecture(fields: JsonFields, where: string): BitNetConfig['architecture'] {
  const accepted = Object.keys(ARCHITECTURES);
  const listed = fields.get('architectures');
  const modelType = fields.get('model_type');
  const name = Array.isArray(listed) && listed.length === 1 ? (listed[0] as unknown) : listed;
  const byName = typeof name === 'string' && Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name] : undefined;
  if (byName === undefined) throw unsupported('architectures', accepted, name, where);
  // A fork may keep the class name and change the model behind it; its model_type then tells.
  if (modelType !== undefined && modelType !== byName) throw unsupported('model_type', [byName], modelType, where);
  return byName;
}

function parseHeadDim(fields: JsonFields, hiddenSize: number, heads: number): number {
  const derived = hiddenSize / heads;
  if (!fields.has('head_dim') && !Number.isInteger(derived)) {
    throw fields.fault('head_dim', `given, because hidden_size ${hiddenSize} is not a multiple of ${heads} heads`);
  }
  const headDim = fields.has('head_dim') ? fields.integer('head_dim', { min: 2, max: 1024 }) : derived;
  if (headDim % 2 !== 0) throw fields.fault('head_dim', `even (rotary pairs), and ${headDim} is not`);
  if (headDim * heads > WIDTH.max) throw fields.fault('head_dim', `at most ${WIDTH.max} for all heads together`);
  return headDim;
}

/** The angle base stands flat in old files and inside `rope_parameters` in new ones. */
function parseRopeTheta(fields: JsonFields, where: string): number {
  const range = { min: 1, max: 1e12 };
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const rope = fields.object(name);
    const type = rope?.get('rope_type') ?? rope?.get('type') ?? 'default';
    if (type !== 'default') throw unsupported(`${name}.rope_type`, ['default'], type, where);
    const share = rope?.get('partial_rotary_factor') ?? 1;
    if (share !== 1) throw unsupported(`${name}.partial_rotary_factor`, ['1'], share, where);
  }
  const nested = fields.object('rope_parameters');
  if (nested === undefined || !nested.has('rope_theta')) return fields.number('rope_theta', range);
  const theta = nested.number('rope_theta', range);
  if (fields.has('rope_theta') && fields.number('rope_theta', range) !== theta) {
    throw fields.fault('rope_theta', `the same as rope_parameters.rope_theta (${theta})`);
  }
  return theta;
}

function parseScaleRule(fields: JsonFields, where: string): ScaleRule {
  const quant = fields.object('quantization_config');
  if (quant === undefined)
    throw unsupported('quantization_config', ['a ternary one (quant_method bitnet)'], undefined, where);
  const at = (name: string) => `quantization_config.${name}`;
  const method = quant.get('quant_method');
  if (method !== 'bitnet') throw unsupported(at('quant_method'), ['bitnet'], method, where);
  const linear = oneOf(
    quant.get('linear_class') ?? 'bitlinear',
    ['autobitlinear', 'bitlinear'] as const,
    at('linear_class'),
    where,
  );
  const mode = oneOf(
    quant.get('quantization_mode') ?? 'offline',
    ['offline', 'online'] as const,
    at('quantization_mode'),
    where,
  );
  const normed = quant.get('use_rms_norm') ?? false;
  if (normed !== false) throw unsupported(at('use_rms_norm'), ['false'], normed, where);
  const kept = quant.get('modules_to_not_convert') ?? [];
  if (!Array.isArray(kept) || kept.some((name) => name !== 'lm_head' && name !== 'model.embed_tokens')) {
    throw unsupported(at('modules_to_not_convert'), ['null', '["lm_head"]'], kept, where);
  }
  if (linear === 'autobitlinear') return mode === 'online' ? 'online' : 'multiply';
  if (mode === 'online')
    throw unsupported(at('quantization_mode'), ['offline (for linear_class bitlinear)'], mode, where);
  return 'divide';
}

/** Features that change the numbers and have no implementation: each must be absent or at its neutral value. */
function refuseExtras(fields: JsonFields, where: string): void {
  const neutral: Readonly<Record<string, unknown>> = {
    attention_bias: false,
    mlp_bias: false,
    sliding_window: undefined,
  };
  for (const [name, value] of Object.entries(neutral)) {
    const given = fields.get(name);
    if (given !== undefined && given !== value) throw unsupported(name, [String(value ?? null)], given, where);
  }
}

function tokenIds(fields: JsonFields, name: string, vocabSize: number): number[] {
  const value = fields.get(name);
  if (value === undefined) return [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (ids.every((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabSize))
    return ids;
  throw fields.fault(name, `token ids below vocab_size (${vocabSize})`);
}

function oneOf<T extends string>(value: unknown, accepted: readonly T[], name: string, where: string): T {
  const found = accepted.find((candidate) => candidate === value);
  if (found === undefined) throw unsupported(name, accepted, value, where);
  return found;
}

function unsupported(name: string, accepted: readonly string[], value: unknown, where: string): UnsupportedError {
  const received = Array.isArray(value)
    ? `[${value.slice(0, 8).map(describe).join(', ')}]`
    : value === undefined
      ? 'nothing'
      : describe(value);
  return new UnsupportedError(
    `expected "${name}" in ${where} to be ${accepted.join(' or ')}, received ${received}. Choose a model of an accepted kind.`,
    { op: OP, details: { where, field: name, accepted, value } },
  );
}
