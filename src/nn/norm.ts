import { div, mul } from '../ops/binary';
import { rmsNorm, rmsScale } from '../ops/norm';
import { tap, tapped } from '../program/tap';
import type { Tensor } from '../tensor/tensor';

/** Root-mean-square norm, `y = x / sqrt(mean(x²) + eps) * weight` (Zhang and Sennrich 2019). */
export class RMSNorm {
  /**
   * @param weight f32 `[D]`
   * @param eps added to the mean of squares
   */
  constructor(
    readonly weight: Tensor,
    readonly eps: number,
  ) {}

  /**
   * f32 `[T, D]` to f32 `[T, D]`.
   *
   * Taps: `hook_scale` `[T, 1]` (the root), `hook_normalized` `[T, D]` (before the weight), `hook_out` `[T, D]`.
   */
  forward(x: Tensor, name: string): Tensor {
    if (!tapped(`${name}.hook_scale`, `${name}.hook_normalized`)) {
      return tap(`${name}.hook_out`, rmsNorm(x, this.weight, this.eps));
    }
    // The same bits in three steps.
    const scale = tap(`${name}.hook_scale`, rmsScale(x, this.eps));
    const normalized = tap(`${name}.hook_normalized`, div(x, scale));
    return tap(`${name}.hook_out`, mul(normalized, this.weight));
  }

  dispose(): void {
    this.weight.dispose();
  }
}
