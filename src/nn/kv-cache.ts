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

  /** Bytes of all keys and values. */
  get bytes(): number {
    return [...this.keys, ...this.values].reduce((sum, x) => sum + x.bytes, 0);
  }

  /** Copies positions 0 up to `count` of one slot to another. No program may be running. */
  copy(from: number, to: number, count: number): void {
    for (const x of [...this.keys, ...this.values]) {
      const [, heads, length, ...rest] = x.shape;
      const width = rest.reduce((a, b) => a * b, 1);
      const at = (slot: number, head: number): number => (slot * heads + head) * length * width;
      const data = x.data();
      for (let h = 0; h < heads; h++) data.copyWithin(at(to, h), at(from, h), at(from, h) + count * width);
    }
  }

  dispose(): void {
    for (const x of [...this.keys, ...this.values]) x.dispose();
  }
}
