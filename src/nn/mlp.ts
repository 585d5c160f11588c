import { relu2Glu, siluGlu } from '../ops/glu';
import { tap } from '../program/tap';
import type { Tensor } from '../tensor/tensor';
import type { RMSNorm } from './norm';
import type { TernaryLinear } from './ternary-linear';

/** Gated feed-forward network: `down(norm(act(gate(x)) * up(x)))`, the norm only in BitNet models. */
export class GatedMLP {
  /**
   * @param gateUp gate and up projections, merged
   * @param down down projection
   * @param subNorm norm before `down`, if the model has one
   * @param act `relu2` is `max(x, 0)²`, `silu` is `x / (1 + e^-x)`
   */
  constructor(
    readonly gateUp: TernaryLinear,
    readonly down: TernaryLinear,
    readonly subNorm: RMSNorm | undefined,
    readonly act: 'relu2' | 'silu',
  ) {}

  /** f32 `[T, D]` to f32 `[T, D]`. Taps: `hook_pre` (gate), `hook_pre_linear` (up), `hook_post`, each `[T, F]`. */
  forward(x: Tensor, name: string): Tensor {
    const [g, u] = this.gateUp.forward(x, [`${name}.gate`, `${name}.in`]);
    const gate = tap(`${name}.hook_pre`, g);
    const up = tap(`${name}.hook_pre_linear`, u);
    const post = tap(`${name}.hook_post`, this.act === 'relu2' ? relu2Glu(gate, up) : siluGlu(gate, up));
    const normed = this.subNorm === undefined ? post : this.subNorm.forward(post, `${name}.sub_norm`);
    return this.down.forward(normed, [`${name}.out`])[0];
  }

  dispose(): void {
    this.gateUp.dispose();
    this.down.dispose();
    this.subNorm?.dispose();
  }
}
