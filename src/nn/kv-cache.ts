import { OptionError } from '../native/errors';
import { zeros } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';

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

/** Keys and values of every layer: f32 `[slots, heads, length, headDim]` each. Written in place by attention. */
export class KvCache {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];

  constructor(
    readonly shape: KvCacheShape,
    readonly device: DeviceName,
  ) {
    const { layers, slots, heads, length, headDim } = shape;
    if (!(Number.isInteger(slots) && slots >= 1 && Number.isInteger(length) && length >= 1)) {
      throw new OptionError(`expected at least one slot and one position, received ${slots} and ${length}.`, {
        op: 'KvCache',
      });
    }
    const make = (): Tensor[] =>
      Array.from({ length: layers }, () => zeros([slots, heads, length, headDim], { device }));
    this.keys = make();
    this.values = make();
  }

  // Every tensor.
  get #parts(): Tensor[] {
    return [...this.keys, ...this.values];
  }

  /** Bytes of all keys and values. */
  get bytes(): number {
    return this.#parts.reduce((sum, x) => sum + x.bytes, 0);
  }

  /**
   * Copies positions 0 up to `count` of a slot of `source`, which may be this cache or one of another length, to slot `to`. No
   * program that uses them may be running.
   */
  copy(source: KvCache, from: number, to: number, count: number): void {
    source.#parts.forEach((x, i) => {
      const [, heads, ...inner] = x.shape;
      const width = inner.slice(1).reduce((a, b) => a * b, 1);
      const begin = (slot: number, head: number, length: number): number => (slot * heads + head) * length * width;
      const [data, into] = [x.data(), this.#parts[i].data()];
      for (let h = 0; h < heads; h++) {
        const at = begin(from, h, source.shape.length);
        into.set(data.subarray(at, at + count * width), begin(to, h, this.shape.length));
      }
    });
  }

  dispose(): void {
    for (const x of this.#parts) x.dispose();
  }
}
