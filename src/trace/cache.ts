import { inspect } from 'node:util';

import { OptionError } from '../native/errors';
import type { BitNetConfig } from '../model/config';
import { shapeText } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { fullName } from './names';

/** The values that a run showed, by tap name. Owns its tensors. */
export class ActivationCache {
  readonly #config: Pick<BitNetConfig, 'numHiddenLayers' | 'subNorms'>;
  /** The values by full name, in the order in which they came to be. */
  readonly values: ReadonlyMap<string, Tensor>;

  constructor(config: Pick<BitNetConfig, 'numHiddenLayers' | 'subNorms'>, values: ReadonlyMap<string, Tensor>) {
    this.#config = config;
    this.values = values;
  }

  /**
   * A value: `get('blocks.0.attn.hook_pattern')`, or in short `get('pattern', 0)`, `get('ln1.hook_out', 3)`, `get('embed')`.
   *
   * @throws OptionError for an unknown name, or for a tap that was not listened to
   */
  get(name: string, layer?: number): Tensor {
    const full = fullName(this.#config, name, layer);
    const value = this.values.get(full);
    if (value === undefined) {
      throw new OptionError(`expected a tap that was listened to, received "${full}". Add it to namesFilter.`, {
        op: 'ActivationCache.get',
      });
    }
    return value;
  }

  /** Whether a full name is there. */
  has(name: string): boolean {
    return this.values.has(name);
  }

  /** Full names, in the order in which the values came to be. */
  keys(): string[] {
    return [...this.values.keys()];
  }

  /** Full names with their values. */
  entries(): [string, Tensor][] {
    return [...this.values.entries()];
  }

  /** Residual stream after the embedding and after each block, f32 `[T, D]` each: `hook_embed`, then every `hook_resid_post` that is there. */
  residualStream(): Tensor[] {
    const names = ['hook_embed', ...this.keys().filter((name) => name.endsWith('.hook_resid_post'))];
    return names.flatMap((name) => this.values.get(name) ?? []);
  }

  /** Bytes of all values. */
  get bytes(): number {
    return [...this.values.values()].reduce((sum, x) => sum + x.bytes, 0);
  }

  dispose(): void {
    for (const value of this.values.values()) value.dispose();
  }

  toString(): string {
    const lines = this.entries().map(
      ([name, x]) => `  ${name}  ${x.dtype}${x.disposed ? ' (disposed)' : shapeText(x.shape)}`,
    );
    return `ActivationCache(${lines.length} values)\n${lines.join('\n')}`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
