import type { BitNetWeights } from '../model/bitnet';
import { BitNet } from '../model/bitnet';
import type { BitNetConfig } from '../model/config';
import { LoadError, OptionError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import type { RopeTables } from '../nn/attention';
import { Attention } from '../nn/attention';
import { Block } from '../nn/block';
import { HeadScreen } from '../nn/head-screen';
import { LiveMLP } from '../nn/live-mlp';
import { GatedMLP } from '../nn/mlp';
import { RMSNorm } from '../nn/norm';
import { PartedTernary } from '../nn/parted-ternary';
import { TernaryLinear } from '../nn/ternary-linear';
import { gather } from '../ops/gather';
import { ropeTables } from '../ops/rope';
import type { TernaryPart } from '../ops/ternary-weights';
import { packedBytes, ternaryOver } from '../ops/ternary-weights';
import { checkDevice, tensor } from '../tensor/create';
import type { DeviceName, DType } from '../tensor/dtype';
import { isMappable, mapTensor, readTensor } from '../tensor/mapped';
import { moveTo } from '../tensor/move';
import type { Tensor } from '../tensor/tensor';
import type { CachedSpec } from './packed-cache';
import { PackedCache } from './packed-cache';
import { deadNeurons, divide, placeNeurons, placeOf, placeRows } from './dead-neurons';
import { openCheckpoint } from './checkpoint';
import { checkTensors, type CheckedTensors } from './expect';
import { loadConfig } from './load-config';
import type { TensorEntry } from './safetensors';
import { readNorm, readScale } from './small-tensors';
import { packNeurons, packParts, splitPart, type WeightPart } from './pack';

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
  /**
   * Whether feed-forward neurons that always give 0 (a gate or up row of zeros) are set aside on `cpu`, and run only when someone
   * listens inside the feed-forward network. Results have the same bits either way. Default true; a model loaded with false is not
   * kept on disk.
   */
  readonly dropDead?: boolean;
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
  checkOptions('loadBitNet', options, ['device', 'onProgress', 'signal', 'cache', 'dropDead']);
  const { device = 'cpu', cache, dropDead = true } = options;
  checkDevice('loadBitNet', device);
  if (cache !== undefined && typeof cache !== 'boolean' && (typeof cache !== 'string' || cache === '')) {
    throw new OptionError(`expected true, false or a folder as cache, received ${describe(cache)}.`, {
      op: 'loadBitNet',
    });
  }
  if (typeof dropDead !== 'boolean')
    throw new OptionError(`expected true or false as dropDead, received ${describe(dropDead)}.`, { op: 'loadBitNet' });
  if (!dropDead && cache !== undefined && cache !== false)
    throw new OptionError('expected no cache with dropDead: false, received both. Leave one out.', {
      op: 'loadBitNet',
    });
  const config = await loadConfig(path);
  const checkpoint = await openCheckpoint(path);
  const checked = checkTensors(config, checkpoint);
  const wanted = device === 'cpu' && dropDead && (cache ?? checkpoint.totalBytes >= CACHE_FROM);
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
  // What is needed until everything is loaded.
  readonly #places: Tensor[] = [];
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
    for (const place of this.#places) place.dispose();
    return weights;
  }

  dispose(): void {
    for (const part of [...this.#made, ...this.#places]) part.dispose();
  }

  async #block(p: string): Promise<Block> {
    const { subNorms, headDim } = this.config;
    const attn = new Attention(
      await this.#linear(['q', 'k', 'v'].map((x) => `${p}.self_attn.${x}_proj`)),
      await this.#linear([`${p}.self_attn.o_proj`]),
      subNorms ? await this.#norm(`${p}.self_attn.attn_sub_norm.weight`) : undefined,
      headDim,
    );
    const ln1 = await this.#norm(`${p}.input_layernorm.weight`);
    const ln2 = await this.#norm(`${p}.post_attention_layernorm.weight`);
    return new Block(ln1, attn, ln2, await this.#mlp(`${p}.mlp`, ln2));
  }

  async #mlp(p: string, before: RMSNorm): Promise<GatedMLP> {
    const { subNorms, hiddenAct, scaleRule, rmsNormEps: eps } = this.config;
    const gateUp = ['gate', 'up'].map((x) => `${p}.${x}_proj`);
    const down = [`${p}.down_proj`];
    const subNorm = subNorms ? await this.#norm(`${p}.ffn_sub_norm.weight`) : undefined;
    const mayDrop = this.device === 'cpu' && this.options.dropDead !== false && scaleRule !== 'online';
    const place = mayDrop ? await this.#place(p, gateUp, before) : undefined;
    if (place === undefined || place.every((at) => at >= 0))
      return new GatedMLP(await this.#linear(gateUp), await this.#linear(down), subNorm, hiddenAct);
    const rows = await this.#parted(gateUp, 'rows', place);
    const columns = await this.#parted(down, 'columns', place);
    const kept = tensor(divide(place).kept);
    const weight = subNorm === undefined ? undefined : gather(subNorm.weight, kept);
    kept.dispose();
    if (weight !== undefined) this.#made.push(weight);
    const norm = weight === undefined ? undefined : { weight, eps };
    const live = new LiveMLP(rows.weight.kept, columns.weight.kept, norm, place.length);
    return new GatedMLP(rows.linear, columns.linear, subNorm, hiddenAct, live);
  }

  // Where the neurons of a layer go.
  async #place(p: string, gateUp: readonly string[], before: RMSNorm): Promise<Int32Array> {
    const specs: CachedSpec[] = [{ name: `${p}.place`, dtype: 'i32', shape: [this.config.intermediateSize] }];
    const [place] = await this.#take(specs, [], async () => {
      const parts = await this.#parts(gateUp, false);
      const planes: TernaryPart[] = [];
      try {
        for (const part of parts) planes.push(splitPart(part, this.config.scaleRule, this.device));
        const [gate, up] = planes;
        return [tensor(placeNeurons(deadNeurons(gate, up, this.config.hiddenSize, before.weight.data())))];
      } finally {
        for (const part of parts) part.weight.dispose();
        for (const part of planes) part.planes.dispose();
      }
    });
    this.#places.push(place);
    return Int32Array.from(place.data());
  }

  // Matrices over the same input as one in two parts, by neurons.
  async #parted(
    names: readonly string[],
    axis: 'rows' | 'columns',
    place: Int32Array,
  ): Promise<{ linear: TernaryLinear; weight: PartedTernary }> {
    const { scaleRule } = this.config;
    const entries = names.map((name) => this.#entry(`${name}.weight`));
    const rows = entries.map(({ shape }) => 4 * shape[0]);
    const [, cols] = entries[0].shape;
    const { kept, rest } = divide(place);
    const halves = [kept, rest].map((neurons, i) => ({
      neurons,
      name: `${names.join('+')}${i === 0 ? '' : '.rest'}`,
      rows: axis === 'rows' ? names.length * neurons.length : rows[0],
      cols: axis === 'rows' ? cols : neurons.length,
    }));
    const specs = halves.flatMap((half) => this.#specs(half.name, half.rows, half.cols));
    const tensors = await this.#take(specs, entries, async () => {
      const parts = await this.#parts(names);
      try {
        return halves.flatMap(({ neurons }) => {
          const { packed, rowScale } = packNeurons(parts, scaleRule, axis, neurons);
          return [packed, rowScale];
        });
      } finally {
        for (const { weight } of parts) weight.dispose();
      }
    });
    const [a, b] = halves.map((half, i) => ternaryOver(tensors[2 * i], tensors[2 * i + 1], half.rows, half.cols));
    const weight = new PartedTernary(a, b, axis, axis === 'rows' ? placeRows(place, names.length) : placeOf(place));
    return { linear: new TernaryLinear(weight, rows, names), weight };
  }

  // Matrices over the same input, merged into one.
  async #linear(names: readonly string[]): Promise<TernaryLinear> {
    const entries = names.map((name) => this.#entry(`${name}.weight`));
    const rowsOf = ({ shape }: TensorEntry): number => shape[0] * (this.config.scaleRule === 'online' ? 1 : 4);
    const rows = entries.map(rowsOf);
    const total = rows.reduce((sum, n) => sum + n, 0);
    const [, cols] = entries[0].shape;
    const specs = this.#specs(names.join('+'), total, cols);
    const [packed, rowScale] = await this.#take(specs, entries, () => this.#pack(names));
    return new TernaryLinear(ternaryOver(packed, rowScale, total, cols), rows, names);
  }

  #specs(name: string, rows: number, cols: number): CachedSpec[] {
    return [
      { name: `${name}.packed`, dtype: 'u8', shape: [packedBytes(rows, cols, this.device)] },
      { name: `${name}.row_scale`, dtype: 'f32', shape: [rows] },
    ];
  }

  // Matrices as the checkpoint has them.
  async #parts(names: readonly string[], tell = true): Promise<WeightPart[]> {
    const parts: WeightPart[] = [];
    try {
      for (const name of names) {
        const weight = await this.#read(this.#entry(`${name}.weight`), tell);
        parts.push({ name, weight, scale: undefined });
        const scale = this.checked.tensors.get(`${name}.weight_scale`);
        if (scale !== undefined) parts[parts.length - 1] = { name, weight, scale: await readScale(scale) };
      }
      return parts;
    } catch (error) {
      for (const { weight } of parts) weight.dispose();
      throw error;
    }
  }

  async #pack(names: readonly string[]): Promise<Tensor[]> {
    const parts = await this.#parts(names);
    try {
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
  async #read(entry: TensorEntry, tell = true): Promise<Tensor> {
    this.options.signal?.throwIfAborted();
    const x = await readTensor(entry.file, entry.begin, entry.shape, storedDTypes[entry.dtype]);
    try {
      if (tell) this.#tell(entry);
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
