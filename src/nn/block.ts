import { add } from '../ops/binary';
import { tap } from '../program/tap';
import type { Tensor } from '../tensor/tensor';
import type { Attention, RopeTables, Rows } from './attention';
import type { LayerCache } from './kv-cache';
import type { GatedMLP } from './mlp';
import type { RMSNorm } from './norm';

/** One transformer layer: attention and feed-forward, each behind a norm and added to the residual stream. */
export class Block {
  constructor(
    readonly ln1: RMSNorm,
    readonly attn: Attention,
    readonly ln2: RMSNorm,
    readonly mlp: GatedMLP,
  ) {}

  /**
   * f32 `[T, D]` to f32 `[T, D]`.
   *
   * Taps: `hook_resid_pre`, `hook_attn_out`, `hook_resid_mid`, `hook_mlp_out`, `hook_resid_post`, each `[T, D]`.
   */
  forward(x: Tensor, rows: Rows, ropes: RopeTables, cache: LayerCache, name: string): Tensor {
    const pre = tap(`${name}.hook_resid_pre`, x);
    const attnOut = tap(
      `${name}.hook_attn_out`,
      this.attn.forward(this.ln1.forward(pre, `${name}.ln1`), rows, ropes, cache, `${name}.attn`),
    );
    const mid = tap(`${name}.hook_resid_mid`, add(pre, attnOut));
    const mlpOut = tap(`${name}.hook_mlp_out`, this.mlp.forward(this.ln2.forward(mid, `${name}.ln2`), `${name}.mlp`));
    return tap(`${name}.hook_resid_post`, add(mid, mlpOut));
  }

  dispose(): void {
    for (const part of [this.ln1, this.attn, this.ln2, this.mlp]) part.dispose();
  }
}
