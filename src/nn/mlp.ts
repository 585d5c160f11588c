import { relu2Glu, siluGlu } from '../ops/glu';
import { tap, tapped } from '../program/tap';
import type { Tensor } from '../tensor/tensor';
import type { LiveMLP } from './live-mlp';
import type { RMSNorm } from './norm';
import type { TernaryLinear } from './ternary-linear';

// Every tap inside, of which some show neurons and others come before or behind them.
const taps = [
  ...['hook_pre', 'hook_pre_linear', 'hook_post'],
  ...['hook_scale', 'hook_normalized', 'hook_out'].map((hook) => `sub_norm.${hook}`),
  ...['gate', 'in', 'out'].flatMap((part) =>
    ['hook_in', 'hook_in_q8', 'hook_in_scale', 'hook_acc_i32', 'hook_out'].map((hook) => `${part}.${hook}`),
  ),
];

/** Gated feed-forward network: `down(norm(act(gate(x)) * up(x)))`, the norm only in BitNet models. */
export class GatedMLP {
  /**
   * @param gateUp gate and up projections, merged
   * @param down down projection
   * @param subNorm norm before `down`, if the model has one
   * @param act `relu2` is `max(x, 0)²`, `silu` is `x / (1 + e^-x)`
   * @param live the same without neurons that always give 0; it runs when nobody listens inside
   */
  constructor(
    readonly gateUp: TernaryLinear,
    readonly down: TernaryLinear,
    readonly subNorm: RMSNorm | undefined,
    readonly act: 'relu2' | 'silu',
    readonly live?: LiveMLP,
  ) {}

  /** f32 `[T, D]` to f32 `[T, D]`. Taps: `hook_pre` (gate), `hook_pre_linear` (up), `hook_post`, each `[T, F]`. */
  forward(x: Tensor, name: string): Tensor {
    if (this.live !== undefined && !tapped(...taps.map((hook) => `${name}.${hook}`)))
      return this.live.forward(x, this.act);
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
    this.live?.dispose();
  }
}
