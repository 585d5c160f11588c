import type { BitNetWeights } from '../model/bitnet';
import { BitNet } from '../model/bitnet';
import type { BitNetConfig } from '../model/config';
import { LoadError, OptionError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import type { RopeTables } from '../nn/attention';
import { Attention } from '../nn/attention';
import { Block } from '../nn/block';
import { HeadScreen } from '../nn/head-screen';
import { GatedMLP } from '../nn/mlp';
import { RMSNorm } from '../nn/norm';
import { TernaryLinear } from '../nn/ternary-linear';
import { ropeTables } from '../ops/rope';
import { packedBytes, ternaryOver } from '../ops/ternary-weights';
import { checkDevice, tensor } from '../tensor/create';
import type { DeviceName, DType } from '../tensor/dtype';
import { isMappable, mapTensor, readTensor } from '../tensor/mapped';
import { moveTo } from '../tensor/move';
import type { Tensor } from '../tensor/tensor';
import type { CachedSpec } from './packed-cache';
import { PackedCache } from './packed-cache';
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
  /**
   * Whether what this CPU variant packs is kept on disk, so that the next start maps it: in a folder given here or in
   * `ROTOR_CACHE`, else in `.rotor` beside the checkpoint or, where that cannot be written, in the user's cache folder.
   * Default: for checkpoints from 64 MB on. Only for `cpu`.
   */
  readonly cache?: boolean | string;
}

/** Smaller checkpoints are packed in no time. */
const CACHE_FROM = 64e6;

/**
 * Loads the weights of a ternary model in the Hugging Face layout: packed uint8 with a multiplying (`autobitlinear`) or
 * dividing (`bitlinear`) scale, or float masters that are ternarised here.
 *
 * Config and file headers are checked against each other before any memory is taken. Every matrix is packed in the order of
 * the running CPU variant, or mapped from an earlier start, see `cache`. Token and output tables are mapped from the checkpoint:
 * it may be deleted or replaced by renaming meanwhile; when it is cut short, the next step throws a LoadError.
 *
 * @param path a model directory, or a `.safetensors` file beside its `config.json`
 * @throws LoadError for missing, damaged or ill-fitting files, codes that are no weights, and scales that are not finite
 * @throws UnsupportedError for a model that Rotor has no implementation for
 */
export async function loadBitNet(path: string, options: LoadOptions = {}): Promise<BitNet> {
  checkOptions('loadBitNet', options, ['device', 'onProgress', 'signal', 'cache']);
  const { device = 'cpu', cache } = options;
  checkDevice('loadBitNet', device);
  if (cache !== undefined && typeof cache !== 'boolean' && (typeof cache !== 'string' || cache === '')) {
    throw new OptionError(`expected true, false or a folder as cache, received ${describe(cache)}.`, {
      op: 'loadBitNet',
    });
  }
  const config = await loadConfig(path);
  const checkpoint = await openCheckpoint(path);
  const checked = checkTensors(config, checkpoint);
  const wanted = device === 'cpu' && (cache ?? checkpoint.totalBytes >= CACHE_FROM);
  const packed =
    wanted === false
      ? undefined
      : await PackedCache.open(path, checkpoint, config, {
          signal: options.signal,
          ...(typeof wanted === 'string' ? { folder: wanted } : {}),
        });
  const reader = new Reader(config, checked, device, checkpoint.totalBytes, options, packed);
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
    readonly cache: PackedCache | undefined,
  ) {}

  async weights(): Promise<BitNetWeights> {
    const { config } = this;
    const embed = await this.#table('model.embed_tokens.weight');
    const blocks: Block[] = [];
    for (let i = 0; i < config.numHiddenLayers; i++) blocks.push(await this.#block(`model.layers.${i}`));
    const lnFinal = await this.#norm('model.norm.weight');
    const head = config.tieWordEmbeddings ? embed : await this.#table('lm_head.weight');
    const ropes = await this.#ropes();
    const weights = { embed, blocks, lnFinal, head, ropes, ...(HeadScreen.pays(head) ? await this.#screen(head) : {}) };
    await this.cache?.finish();
    return weights;
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
    const entries = names.map((name) => this.#entry(`${name}.weight`));
    const rowsOf = ({ shape }: TensorEntry): number => shape[0] * (this.config.scaleRule === 'online' ? 1 : 4);
    const rows = entries.map(rowsOf);
    const total = rows.reduce((sum, n) => sum + n, 0);
    const [, cols] = entries[0].shape;
    const specs: CachedSpec[] = [
      { name: `${names.join('+')}.packed`, dtype: 'u8', shape: [packedBytes(total, cols, this.device)] },
      { name: `${names.join('+')}.row_scale`, dtype: 'f32', shape: [total] },
    ];
    const [packed, rowScale] = await this.#take(specs, entries, () => this.#pack(names));
    return new TernaryLinear(ternaryOver(packed, rowScale, total, cols), rows, names);
  }

  async #pack(names: readonly string[]): Promise<Tensor[]> {
    const parts: WeightPart[] = [];
    try {
      for (const name of names) {
        const weight = await this.#read(this.#entry(`${name}.weight`));
        parts.push({ name, weight, scale: undefined });
        const scale = this.checked.tensors.get(`${name}.weight_scale`);
        if (scale !== undefined) parts[parts.length - 1] = { name, weight, scale: await readScale(scale) };
      }
      const { packed, rowScale } = packParts(parts, this.config.scaleRule, this.device).weight;
      return [packed, rowScale];
    } finally {
      for (const { weight } of parts) weight.dispose();
    }
  }

  async #ropes(): Promise<RopeTables> {
    const { maxPositionEmbeddings: positions, headDim, ropeTheta } = this.config;
    const shape = [positions, headDim / 2];
    const specs = ['cos', 'sin'].map((name): CachedSpec => ({ name: `ropes.${name}`, dtype: 'f32', shape }));
    const [cos, sin] = await this.#take(specs, [], () => {
      const ropes = ropeTables(positions, headDim, ropeTheta, this.device);
      return Promise.resolve([ropes.cos, ropes.sin]);
    });
    return { cos, sin };
  }

  async #screen(head: Tensor): Promise<{ screen: HeadScreen }> {
    const [rows, cols] = head.shape;
    const specs: CachedSpec[] = [
      { name: 'screen.codes', dtype: 'i8', shape: [rows, cols] },
      { name: 'screen.bounds', dtype: 'f32', shape: [rows, 4] },
    ];
    const [codes, bounds] = await this.#take(specs, [], () => {
      const screen = HeadScreen.of(head);
      return Promise.resolve([screen.codes, screen.bounds]);
    });
    return { screen: new HeadScreen(codes, bounds) };
  }

  // Tensors from the cache, or made from `entries` of the checkpoint.
  async #take(
    specs: readonly CachedSpec[],
    entries: readonly TensorEntry[],
    make: () => Promise<readonly Tensor[]>,
  ): Promise<readonly Tensor[]> {
    this.options.signal?.throwIfAborted();
    let made = this.cache === undefined;
    const making = (): Promise<readonly Tensor[]> => {
      made = true;
      return make();
    };
    const tensors = this.cache === undefined ? await make() : await this.cache.take(specs, making);
    this.#made.push(...tensors);
    if (!made) entries.forEach((entry) => this.#tell(entry));
    return tensors;
  }

  async #table(name: string): Promise<Tensor> {
    const entry = this.#entry(name);
    const onCpu = this.device === 'cpu' ? await this.#open(entry) : await this.#read(entry);
    const table = moveTo(onCpu, this.device);
    if (table !== onCpu) onCpu.dispose();
    this.#made.push(table);
    return table;
  }

  async #norm(name: string): Promise<RMSNorm> {
    this.options.signal?.throwIfAborted();
    const entry = this.#entry(name);
    const specs: CachedSpec[] = [{ name, dtype: 'f32', shape: entry.shape }];
    const [weight] = await this.#take(specs, [entry], async () => {
      const made = [tensor(await readNorm(entry), { device: this.device })];
      this.#tell(entry);
      return made;
    });
    return new RMSNorm(weight, this.config.rmsNormEps);
  }

  #entry(name: string): TensorEntry {
    const entry = this.checked.tensors.get(name);
    if (entry === undefined) throw new LoadError(`expected a tensor "${name}", received none.`, { op: 'loadBitNet' });
    return entry;
  }

  // A table as it lies in its file, where the alignment allows; only rows that are used take memory.
  async #open(entry: TensorEntry): Promise<Tensor> {
    const dtype = storedDTypes[entry.dtype];
    if (!isMappable(entry.begin, dtype)) return this.#read(entry);
    const table = mapTensor(entry.file, entry.begin, entry.shape, dtype);
    this.#made.push(table);
    this.#tell(entry);
    return table;
  }

  // The bytes as they are stored, straight into native memory.
  async #read(entry: TensorEntry): Promise<Tensor> {
    this.options.signal?.throwIfAborted();
    const x = await readTensor(entry.file, entry.begin, entry.shape, storedDTypes[entry.dtype]);
    try {
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
