import { OptionError } from '../native/errors';
import type { CacheScales } from '../ops/attention';
import type { CacheType } from '../ops/kv';
import { checkCacheType } from '../ops/kv';
import { zeros } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import { dtypeBytes } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import { copyElements } from '../tensor/write';

/** Sizes of a key/value cache. */
export interface KvCacheShape {
  /** Layers of the model. */
  readonly layers: number;
  /** Sequences held at once. */
  readonly slots: number;
  /** Key/value heads. */
  readonly heads: number;
  /** Positions of each sequence. */
  readonly length: number;
  /** Elements of a head. */
  readonly headDim: number;
}

/** Keys and values of one layer, `[slots, heads, length, headDim]` of the cache's type. */
export interface LayerCache {
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Of an i8 cache: f32 `[slots, heads, length]` each. */
  readonly scales?: CacheScales;
}

/** Bytes of the keys and values that one position of one sequence takes in all layers, with their scales. */
export function cachePositionBytes(
  { layers, heads, headDim }: Pick<KvCacheShape, 'layers' | 'heads' | 'headDim'>,
  type: CacheType,
): number {
  return 2 * layers * heads * (headDim * dtypeBytes(type) + (type === 'i8' ? 4 : 0));
}

/** Keys and values of every layer. Written in place by attention. */
export class KvCache {
  readonly layers: readonly LayerCache[];

  /**
   * @param type `f32` keeps every bit; `f16` rounds to 11 bits and takes half the memory; `i8` keeps codes with one scale a head
   *   and position, a quarter of it. See `kv_append_` for the rounding.
   */
  constructor(
    readonly shape: KvCacheShape,
    readonly device: DeviceName,
    readonly type: CacheType = 'f32',
  ) {
    const { layers, slots, heads, length, headDim } = shape;
    if (!(Number.isInteger(slots) && slots >= 1 && Number.isInteger(length) && length >= 1)) {
      throw new OptionError(`expected at least one slot and one position, received ${slots} and ${length}.`, {
        op: 'KvCache',
      });
    }
    checkCacheType('KvCache', type);
    const numbers = (): Tensor => zeros([slots, heads, length, headDim], { dtype: type, device });
    const scales = (): Tensor => zeros([slots, heads, length], { device });
    this.layers = Array.from({ length: layers }, () => ({
      keys: numbers(),
      values: numbers(),
      ...(type === 'i8' ? { scales: { keys: scales(), values: scales() } } : {}),
    }));
  }

  // Every tensor.
  get #parts(): Tensor[] {
    return this.layers.flatMap(({ keys, values, scales }) =>
      scales === undefined ? [keys, values] : [keys, values, scales.keys, scales.values],
    );
  }

  /** Bytes of all keys and values, with their scales. */
  get bytes(): number {
    return this.#parts.reduce((sum, x) => sum + x.bytes, 0);
  }

  /**
   * Copies positions 0 up to `count` of a slot of `source`, which may be this cache or one of the same type and another length, to slot `to`. No
   * program that uses them may be running.
   */
  copy(source: KvCache, from: number, to: number, count: number): void {
    source.#parts.forEach((x, i) => {
      const [, heads, ...inner] = x.shape;
      const width = inner.slice(1).reduce((a, b) => a * b, 1);
      const begin = (slot: number, head: number, length: number): number => (slot * heads + head) * length * width;
      for (let h = 0; h < heads; h++) {
        const [at, into] = [begin(from, h, source.shape.length), begin(to, h, this.shape.length)];
        copyElements(x, at, this.#parts[i], into, count * width);
      }
    });
  }

  dispose(): void {
    for (const x of this.#parts) x.dispose();
  }
}
