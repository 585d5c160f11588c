import { LoadError } from '../native/errors';
import type { BitNetConfig } from '../model/config';
import type { Checkpoint } from './checkpoint';
import type { TensorEntry } from './safetensors';
import type { StoredDType } from './stored-dtype';

/**
 * What a tensor is for: `embed` token table, `head` output table, `norm` RMSNorm weight, `packed` ternary matrix of four
 * rows a byte, `master` float matrix to be ternarised, `scale` of the packed matrix of the same name.
 */
export type TensorRole = 'embed' | 'head' | 'norm' | 'packed' | 'master' | 'scale';

/** A tensor that the config calls for. */
export interface ExpectedTensor {
  /** Name in the Hugging Face layout. */
  readonly name: string;
  readonly role: TensorRole;
  /** Layer it belongs to; `undefined` for the embedding, the head and the last norm. */
  readonly layer: number | undefined;
  /** Accepted shapes as stored: `packed` counts bytes, a quarter of the rows. */
  readonly shapes: readonly (readonly number[])[];
  readonly dtypes: readonly StoredDType[];
  /** Shape in elements: `[rows, columns]` of a matrix, `[n]` of a norm, `[]` of a scale. */
  readonly logicalShape: readonly number[];
}

/** The tensors of a model, checked against its config. */
export interface CheckedTensors {
  /** Every expected tensor by its name. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Names of tensors in the files that the model has no use for. */
  readonly ignored: readonly string[];
}

const OP = 'checkTensors';
const FLOATS: readonly StoredDType[] = ['BF16', 'F32'];
const SCALES: readonly StoredDType[] = ['BF16', 'F16', 'F32'];
/** Faults listed in one error text. */
const LISTED = 8;

/**
 * Every tensor that a model with this config has, in the order in which the model uses them.
 *
 * @throws LoadError if a packed matrix would have a number of rows that is not a multiple of four: writers and readers of
 *   the packed layout disagree about those
 */
export function expectedTensors(config: BitNetConfig): ExpectedTensor[] {
  const { hiddenSize: D, intermediateSize: F, vocabSize: V } = config;
  const Q = config.numAttentionHeads * config.headDim;
  const KV = config.numKeyValueHeads * config.headDim;
  const table = (name: string, role: TensorRole) => plain(name, role, undefined, [V, D]);
  const norm = (name: string, layer: number | undefined, n: number) => plain(name, 'norm', layer, [n]);
  const tensors = [table('model.embed_tokens.weight', 'embed')];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const p = `model.layers.${layer}`;
    const linear = (name: string, rows: number, columns: number) =>
      matrix(config, `${p}.${name}`, layer, rows, columns);
    tensors.push(
      norm(`${p}.input_layernorm.weight`, layer, D),
      ...linear('self_attn.q_proj', Q, D),
      ...linear('self_attn.k_proj', KV, D),
      ...linear('self_attn.v_proj', KV, D),
      ...(config.subNorms ? [norm(`${p}.self_attn.attn_sub_norm.weight`, layer, Q)] : []),
      ...linear('self_attn.o_proj', D, Q),
      norm(`${p}.post_attention_layernorm.weight`, layer, D),
      ...linear('mlp.gate_proj', F, D),
      ...linear('mlp.up_proj', F, D),
      ...(config.subNorms ? [norm(`${p}.mlp.ffn_sub_norm.weight`, layer, F)] : []),
      ...linear('mlp.down_proj', D, F),
    );
  }
  tensors.push(norm('model.norm.weight', undefined, D));
  if (!config.tieWordEmbeddings) tensors.push(table('lm_head.weight', 'head'));
  return tensors;
}

/**
 * Compares the tensors on disk with those that the config calls for, by name, dtype and shape, so that nothing is
 * allocated for a model that does not fit. All faults are reported at once.
 *
 * Tolerated extras: rotary tables (`….inv_freq`, computed here) and a copy of the head next to tied embeddings.
 *
 * @throws LoadError if tensors are missing, unexpected, or of the wrong dtype or shape
 */
export function checkTensors(config: BitNetConfig, checkpoint: Checkpoint): CheckedTensors {
  const expected = expectedTensors(config);
  const names = new Set(expected.map((tensor) => tensor.name));
  const faults: string[] = [];
  const tensors = new Map<string, TensorEntry>();
  for (const want of expected) {
    const entry = checkpoint.tensors.get(want.name);
    if (entry !== undefined) tensors.set(want.name, entry);
    if (entry === undefined) faults.push(`${want.name}: expected ${text(want)}, received nothing`);
    else if (!fits(want, entry))
      faults.push(`${want.name}: expected ${text(want)}, received ${entry.dtype} ${shapeText(entry.shape)}`);
  }
  const ignored: string[] = [];
  for (const { name, dtype, shape } of checkpoint.tensors.values()) {
    if (names.has(name)) continue;
    if (name.endsWith('.inv_freq') || name === 'lm_head.weight') ignored.push(name);
    else faults.push(`${name}: expected no such tensor, received ${dtype} ${shapeText(shape)}`);
  }
  if (faults.length === 0) return { tensors, ignored };
  const more = faults.length > LISTED ? `\n  and ${faults.length - LISTED} more` : '';
  throw new LoadError(
    `expected the tensors that config.json calls for, received ${faults.length} that differ. ` +
      `Take config.json and the weights from the same model.\n  ${faults.slice(0, LISTED).join('\n  ')}${more}`,
    { op: OP, details: { faults, files: checkpoint.files.map((file) => file.path) } },
  );
}

function plain(name: string, role: TensorRole, layer: number | undefined, shape: readonly number[]): ExpectedTensor {
  return { name, role, layer, shapes: [shape], dtypes: FLOATS, logicalShape: shape };
}

function matrix(config: BitNetConfig, name: string, layer: number, rows: number, columns: number): ExpectedTensor[] {
  const weight = `${name}.weight`;
  if (config.scaleRule === 'online') return [plain(weight, 'master', layer, [rows, columns])];
  if (rows % 4 !== 0) {
    throw new LoadError(
      `expected ${weight} to have rows in fours (packed four to a byte), received ${rows} rows. Use float master weights.`,
      {
        op: OP,
        details: { name: weight, rows },
      },
    );
  }
  return [
    {
      name: weight,
      role: 'packed',
      layer,
      shapes: [[rows / 4, columns]],
      dtypes: ['U8'],
      logicalShape: [rows, columns],
    },
    { name: `${weight}_scale`, role: 'scale', layer, shapes: [[1], []], dtypes: SCALES, logicalShape: [] },
  ];
}

function fits(want: ExpectedTensor, entry: TensorEntry): boolean {
  return want.dtypes.includes(entry.dtype) && want.shapes.some((shape) => shapeText(shape) === shapeText(entry.shape));
}

function text(want: ExpectedTensor): string {
  return `${want.dtypes.join(' or ')} ${want.shapes.map(shapeText).join(' or ')}`;
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
