import type { BitNetWeights } from '../model/bitnet';
import { BitNet } from '../model/bitnet';
import type { BitNetConfig } from '../model/config';
import { guardedAsync, native } from '../native/addon';
import { LoadError } from '../native/errors';
import { checkOptions } from '../native/options';
import { Attention } from '../nn/attention';
import { Block } from '../nn/block';
import { HeadScreen } from '../nn/head-screen';
import { GatedMLP } from '../nn/mlp';
import { RMSNorm } from '../nn/norm';
import { TernaryLinear } from '../nn/ternary-linear';
import { ropeTables } from '../ops/rope';
import { checkDevice, empty, tensor } from '../tensor/create';
import type { DeviceName, DType } from '../tensor/dtype';
import { moveTo } from '../tensor/move';
import type { Tensor } from '../tensor/tensor';
import { openCheckpoint } from './checkpoint';
import { checkTensors, type CheckedTensors } from './expect';
import { loadConfig } from './load-config';
import type { TensorEntry } from './safetensors';
import { readNorm, readScale } from './small-tensors';
import { packParts, type WeightPart } from './pack';

/** How far loading is. */
export interface LoadProgress {
  /** Bytes of the checkpoint read so far. */
  readonly done: number;
  /** Bytes of the checkpoint. */
  readonly total: number;
  /** What was read last, by its name in the checkpoint. */
  readonly label: string;
}

/** Options of {@link loadBitNet}. */
export interface LoadOptions {
  /** Default `cpu`. */
  readonly device?: DeviceName;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Stops loading between two tensors. */
  readonly signal?: AbortSignal;
}

/**
 * Loads the weights of a ternary model in the Hugging Face layout: packed uint8 with a multiplying (`autobitlinear`) or
 * dividing (`bitlinear`) scale, or float masters that are ternarised here.
 *
 * Config and file headers are checked against each other before any memory is taken. Every matrix is packed in the order of
 * the running CPU variant.
 *
 * @param path a model directory, or a `.safetensors` file beside its `config.json`
 * @throws LoadError for missing, damaged or ill-fitting files, codes that are no weights, and scales that are not finite
 * @throws UnsupportedError for a model that Rotor has no implementation for
 */
export async function loadBitNet(path: string, options: LoadOptions = {}): Promise<BitNet> {
  checkOptions('loadBitNet', options, ['device', 'onProgress', 'signal']);
  const { device = 'cpu' } = options;
  checkDevice('loadBitNet', device);
  const config = await loadConfig(path);
  const checkpoint = await openCheckpoint(path);
  const checked = checkTensors(config, checkpoint);
  const reader = new Reader(config, checked, device, checkpoint.totalBytes, options);
  try {
    return new BitNet(config, await reader.weights());
  } catch (error) {
    reader.dispose();
    throw error;
  }
}

const storedDTypes: Record<string, DType> = { BF16: 'bf16', F32: 'f32', U8: 'u8' };

class Reader {
  // Everything made so far, to be freed when a later tensor turns out to be damaged.
  readonly #made: { dispose(): void }[] = [];
  #done = 0;

  constructor(
    readonly config: BitNetConfig,
    readonly checked: CheckedTensors,
    readonly device: DeviceName,
    readonly total: number,
    readonly options: LoadOptions,
  ) {}

  async weights(): Promise<BitNetWeights> {
    const { config, device } = this;
    const embed = await this.#table('model.embed_tokens.weight');
    const blocks: Block[] = [];
    for (let i = 0; i < config.numHiddenLayers; i++) blocks.push(await this.#block(`model.layers.${i}`));
    const lnFinal = await this.#norm('model.norm.weight');
    const head = config.tieWordEmbeddings ? embed : await this.#table('lm_head.weight');
    const ropes = ropeTables(config.maxPositionEmbeddings, config.headDim, config.ropeTheta, device);
    this.#made.push(ropes.cos, ropes.sin);
    const weights = { embed, blocks, lnFinal, head, ropes };
    if (!HeadScreen.pays(head)) return weights;
    this.options.signal?.throwIfAborted();
    return { ...weights, screen: HeadScreen.of(head) };
  }

  dispose(): void {
    for (const part of this.#made) part.dispose();
  }

  async #block(p: string): Promise<Block> {
    const { subNorms, headDim, hiddenAct } = this.config;
    const attn = new Attention(
      await this.#linear(['q', 'k', 'v'].map((x) => `${p}.self_attn.${x}_proj`)),
      await this.#linear([`${p}.self_attn.o_proj`]),
      subNorms ? await this.#norm(`${p}.self_attn.attn_sub_norm.weight`) : undefined,
      headDim,
    );
    const mlp = new GatedMLP(
      await this.#linear(['gate', 'up'].map((x) => `${p}.mlp.${x}_proj`)),
      await this.#linear([`${p}.mlp.down_proj`]),
      subNorms ? await this.#norm(`${p}.mlp.ffn_sub_norm.weight`) : undefined,
      hiddenAct,
    );
    return new Block(
      await this.#norm(`${p}.input_layernorm.weight`),
      attn,
      await this.#norm(`${p}.post_attention_layernorm.weight`),
      mlp,
    );
  }

  // Matrices over the same input, merged into one.
  async #linear(names: readonly string[]): Promise<TernaryLinear> {
    const parts: WeightPart[] = [];
    try {
      for (const name of names) {
        const weight = await this.#read(this.#entry(`${name}.weight`));
        parts.push({ name, weight, scale: undefined });
        const scale = this.checked.tensors.get(`${name}.weight_scale`);
        if (scale !== undefined) parts[parts.length - 1] = { name, weight, scale: await readScale(scale) };
      }
      const packed = packParts(parts, this.config.scaleRule, this.device);
      const linear = new TernaryLinear(packed.weight, packed.rows, names);
      this.#made.push(linear);
      return linear;
    } finally {
      for (const { weight } of parts) weight.dispose();
    }
  }

  async #table(name: string): Promise<Tensor> {
    const onCpu = await this.#read(this.#entry(name));
    const table = moveTo(onCpu, this.device);
    if (table !== onCpu) onCpu.dispose();
    this.#made.push(table);
    return table;
  }

  async #norm(name: string): Promise<RMSNorm> {
    this.options.signal?.throwIfAborted();
    const entry = this.#entry(name);
    const norm = new RMSNorm(tensor(await readNorm(entry), { device: this.device }), this.config.rmsNormEps);
    this.#made.push(norm);
    this.#tell(entry);
    return norm;
  }

  #entry(name: string): TensorEntry {
    const entry = this.checked.tensors.get(name);
    if (entry === undefined) throw new LoadError(`expected a tensor "${name}", received none.`, { op: 'loadBitNet' });
    return entry;
  }

  // The bytes as they are stored, straight into native memory.
  async #read(entry: TensorEntry): Promise<Tensor> {
    this.options.signal?.throwIfAborted();
    const x = empty(entry.shape, storedDTypes[entry.dtype], 'cpu');
    try {
      await guardedAsync(native().readFile(x.storage.address().id, 0, entry.file, entry.begin, entry.bytes));
      this.#tell(entry);
    } catch (error) {
      x.dispose();
      throw error;
    }
    return x;
  }

  #tell({ name, bytes }: TensorEntry): void {
    this.#done += bytes;
    this.options.onProgress?.({ done: this.#done, total: this.total, label: name });
  }
}
