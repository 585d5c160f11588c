import { attention, attnScores, attnValues } from '../ops/attention';
import { kvAppend_ } from '../ops/kv';
import { rope } from '../ops/rope';
import { softmax } from '../ops/softmax';
import { reshape } from '../ops/views';
import { tap, tapped } from '../program/tap';
import type { Tensor } from '../tensor/tensor';
import type { LayerCache } from './kv-cache';
import type { RMSNorm } from './norm';
import type { TernaryLinear } from './ternary-linear';

/** Rows of a forward pass: row t is one token at position `pos[t]` of sequence `slot[t]`. A row at position -1 is idle. */
export interface Rows {
  /** i32 `[T]` */
  readonly ids: Tensor;
  /** i32 `[T]` */
  readonly pos: Tensor;
  /** i32 `[T]` */
  readonly slot: Tensor;
  /** Positions 0 up to this that the rows may attend to: the width of a tapped attention pattern. */
  readonly span: number;
}

/** Cosines and sines of the rotary angles: f32 `[positions, headDim / 2]` each. */
export interface RopeTables {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** Causal self-attention with grouped key/value heads and rotary positions; BitNet normalises before the output projection. */
export class Attention {
  /**
   * @param qkv query, key and value projections, merged
   * @param o output projection
   * @param subNorm norm before `o`, if the model has one
   */
  constructor(
    readonly qkv: TernaryLinear,
    readonly o: TernaryLinear,
    readonly subNorm: RMSNorm | undefined,
    readonly headDim: number,
  ) {}

  /**
   * f32 `[T, D]` to f32 `[T, D]`; writes the rows' keys and values into `cache`.
   *
   * Taps: `hook_q`, `hook_k`, `hook_v`, `hook_rot_q`, `hook_rot_k`, `hook_z` `[T, heads, E]`; `hook_attn_scores`,
   * `hook_pattern` `[H, T, span]`, zero (minus infinity before softmax) beyond a row's own position.
   */
  forward(x: Tensor, rows: Rows, ropes: RopeTables, cache: LayerCache, name: string): Tensor {
    const [q, k, v] = this.qkv
      .forward(x, [`${name}.q`, `${name}.k`, `${name}.v`])
      .map((y, i) => tap(`${name}.hook_${'qkv'[i]}`, reshape(y, [y.shape[0], -1, this.headDim])));
    const rotQ = tap(`${name}.hook_rot_q`, rope(q, rows.pos, ropes.cos, ropes.sin));
    const rotK = tap(`${name}.hook_rot_k`, rope(k, rows.pos, ropes.cos, ropes.sin));
    kvAppend_(cache.keys, rotK, rows.slot, rows.pos, cache.scales?.keys);
    kvAppend_(cache.values, v, rows.slot, rows.pos, cache.scales?.values);
    const z = tap(`${name}.hook_z`, this.#mix(rotQ, rows, cache, name));
    const merged = reshape(z, [z.shape[0], -1]);
    const normed = this.subNorm === undefined ? merged : this.subNorm.forward(merged, `${name}.sub_norm`);
    return this.o.forward(normed, [`${name}.o`])[0];
  }

  #mix(q: Tensor, { slot, pos, span }: Rows, { keys, values, scales }: LayerCache, name: string): Tensor {
    const scale = 1 / Math.sqrt(this.headDim);
    if (!tapped(`${name}.hook_attn_scores`, `${name}.hook_pattern`))
      return attention(q, keys, values, slot, pos, scale, scales);
    // The same bits in three steps.
    const attrs = { scale, length: span };
    const scores = tap(`${name}.hook_attn_scores`, attnScores(q, keys, slot, pos, attrs, scales?.keys));
    const pattern = tap(`${name}.hook_pattern`, softmax(scores));
    return attnValues(pattern, values, slot, pos, scales?.values);
  }

  dispose(): void {
    this.qkv.dispose();
    this.o.dispose();
    this.subNorm?.dispose();
  }
}
