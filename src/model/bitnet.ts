import type { Block } from '../nn/block';
import type { RopeTables, Rows } from '../nn/attention';
import { KvCache } from '../nn/kv-cache';
import type { HeadScreen } from '../nn/head-screen';
import type { RMSNorm } from '../nn/norm';
import { embedding } from '../ops/embedding';
import type { CacheType } from '../ops/kv';
import { linear } from '../ops/linear';
import type { ScreenState } from '../ops/screened-linear';
import { slice } from '../ops/slice';
import { tap, tapped } from '../program/tap';
import type { DeviceName } from '../tensor/dtype';
import type { Tensor } from '../tensor/tensor';
import type { BitNetConfig } from './config';

/** The weights of a model, ready to run. */
export interface BitNetWeights {
  /** bf16 or f32 `[V, D]` */
  readonly embed: Tensor;
  readonly blocks: readonly Block[];
  readonly lnFinal: RMSNorm;
  /** bf16 or f32 `[V, D]`; the embedding itself when tied. */
  readonly head: Tensor;
  /** For a large head on `cpu`: what a sampler reads instead, where it may. */
  readonly screen?: HeadScreen;
  readonly ropes: RopeTables;
}

/** Which rows get logits: every one, the last one, or none (to fill the cache only). */
export type LogitRows = 'all' | 'last' | 'none';

/**
 * A ternary decoder (BitNet b1.58 2B4T, arXiv 2504.12285 §2, and Llama-type relatives). This is the definition and the fast
 * model in one: eager it computes at once, captured it becomes a program.
 */
export class BitNet {
  readonly device: DeviceName;

  constructor(
    readonly config: BitNetConfig,
    readonly weights: BitNetWeights,
  ) {
    this.device = weights.embed.device;
  }

  /**
   * Runs rows of tokens through the model. A row sees the positions of its sequence up to its own, so that the result of a
   * row does not depend on which other rows run with it.
   *
   * Taps: `hook_embed` `[T, D]`, those of every block under `blocks.N`, `ln_final`, `unembed.hook_out` `[rows, V]`.
   *
   * @param rows T rows; positions of one sequence in ascending order
   * @param cache keys and values of earlier positions; the rows' own are added
   * @returns logits f32 `[T, V]` or `[1, V]`; for `none` the last residual stream `[T, D]`
   */
  forward(rows: Rows, cache: KvCache, logits: LogitRows = 'all'): Tensor {
    const x = this.#residual(rows, cache);
    if (logits === 'none') return x;
    const { lnFinal, head } = this.weights;
    const seen = logits === 'last' ? slice(x, '-1:') : x;
    return tap('unembed.hook_out', linear(lnFinal.forward(seen, 'ln_final'), head));
  }

  /**
   * As {@link forward}, for a sampler: where the head has a screen and nobody listens to `unembed.hook_out`, only the logits that it
   * may draw, and minus infinity for the others. It draws the same tokens.
   *
   * @param state of the sampler, one entry per row
   * @returns logits f32 `[T, V]`; with a screen also how many rows of the head were read, i32 `[T]`
   */
  forwardToSample(rows: Rows, cache: KvCache, state: ScreenState): { logits: Tensor; rescored?: Tensor } {
    const { lnFinal, head, screen } = this.weights;
    if (screen === undefined || tapped('unembed.hook_out')) return { logits: this.forward(rows, cache) };
    return screen.forward(lnFinal.forward(this.#residual(rows, cache), 'ln_final'), head, state);
  }

  // The residual stream after the last block.
  #residual(rows: Rows, cache: KvCache): Tensor {
    const { embed, blocks, ropes } = this.weights;
    let x = tap('hook_embed', embedding(embed, rows.ids));
    blocks.forEach((block, i) => {
      x = block.forward(x, rows, ropes, cache.layers[i], `blocks.${i}`);
    });
    return x;
  }

  /** An empty cache for `slots` sequences of up to `length` positions, its numbers kept as `type`. */
  makeCache(slots: number, length: number, type: CacheType = 'f32'): KvCache {
    const { numHiddenLayers, numKeyValueHeads, headDim } = this.config;
    const shape = { layers: numHiddenLayers, slots, heads: numKeyValueHeads, length, headDim };
    return new KvCache(shape, this.device, type);
  }

  dispose(): void {
    const { embed, blocks, lnFinal, head, screen, ropes } = this.weights;
    for (const part of [embed, ...blocks, lnFinal, head, ropes.cos, ropes.sin]) part.dispose();
    screen?.dispose();
  }
}
