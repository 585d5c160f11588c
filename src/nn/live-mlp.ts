import { relu2Glu, siluGlu } from '../ops/glu';
import { quantizeAct } from '../ops/quantize';
import { rmsNorm } from '../ops/norm';
import { ternaryMatmul } from '../ops/ternary';
import type { Tensor } from '../tensor/tensor';
import type { Ternary } from '../tensor/ternary';

/**
 * The feed-forward network without neurons that always give 0, bit for bit: see `src/load/dead-neurons.ts`. The matrices are
 * parts of those of the `GatedMLP` that has this, and belong to it.
 */
export class LiveMLP {
  /**
   * @param gateUp `[2 C, D]`: gate and up rows of the C neurons that are kept
   * @param down `[D, C]`
   * @param norm weight f32 `[C]` of the norm before `down`, if the model has one, and what is added to the mean of squares
   * @param width neurons of the whole network, which the norm's mean is over
   */
  constructor(
    readonly gateUp: Ternary,
    readonly down: Ternary,
    readonly norm: { readonly weight: Tensor; readonly eps: number } | undefined,
    readonly width: number,
  ) {}

  /** f32 `[T, D]` to f32 `[T, D]`. */
  forward(x: Tensor, act: 'relu2' | 'silu'): Tensor {
    const kept = this.down.cols;
    const [q, s] = quantizeAct(x);
    const [gate, up] = ternaryMatmul(q, s, this.gateUp, [kept, kept]);
    const post = act === 'relu2' ? relu2Glu(gate, up) : siluGlu(gate, up);
    const normed = this.norm === undefined ? post : rmsNorm(post, this.norm.weight, this.norm.eps, this.width);
    const [q8, scale] = quantizeAct(normed);
    return ternaryMatmul(q8, scale, this.down)[0];
  }

  dispose(): void {
    this.norm?.weight.dispose();
  }
}
