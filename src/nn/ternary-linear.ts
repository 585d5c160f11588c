import { quantizeAct } from '../ops/quantize';
import { rescale, ternaryMatmul, ternaryMatmulI32 } from '../ops/ternary';
import { slice } from '../ops/slice';
import { tap, tapped } from '../program/tap';
import type { Tensor } from '../tensor/tensor';
import type { Ternary } from '../tensor/ternary';
import { PartedTernary } from './parted-ternary';

/** Activations as the ternary product takes them: int8 codes, and the factor that made them (127 / absmax) per row. */
interface Quantized {
  readonly q8: Tensor;
  readonly scale: Tensor;
}

/**
 * One or several BitLinear layers over the same input, their weights merged into one matrix (BitNet b1.58, arXiv 2402.17764 §2):
 * `y = (T · quantize(x)) * rowScale / scale`, the product exact in int32.
 */
export class TernaryLinear {
  /** First row of each layer in the merged matrix. */
  readonly begins: readonly number[];

  /**
   * @param weight `[sum of rows, K]`
   * @param rows output rows of each layer, in order
   * @param sources name of each layer in the checkpoint, such as `model.layers.0.self_attn.q_proj`
   */
  constructor(
    readonly weight: Ternary | PartedTernary,
    readonly rows: readonly number[],
    readonly sources: readonly string[],
  ) {
    this.begins = rows.map((_, i) => rows.slice(0, i).reduce((sum, n) => sum + n, 0));
  }

  /**
   * f32 `[T, K]` to one f32 `[T, rows[i]]` per layer.
   *
   * Taps of each layer: `hook_in` `[T, K]`, `hook_in_q8` i8 `[T, K]`, `hook_in_scale` `[T, 1]`, `hook_acc_i32` `[T, rows]`,
   * `hook_out` `[T, rows]`.
   *
   * @param names name of each layer, such as `blocks.0.attn.q`
   */
  forward(x: Tensor, names: readonly string[]): Tensor[] {
    const outputs = names.some((n) =>
      tapped(`${n}.hook_in`, `${n}.hook_in_q8`, `${n}.hook_in_scale`, `${n}.hook_acc_i32`),
    )
      ? this.#shown(x, names)
      : this.#product(quantize(x));
    return outputs.map((y, i) => tap(`${names[i]}.hook_out`, y));
  }

  // Layer by layer, so that each may be seen and changed alone; what two layers share is computed once.
  #shown(x: Tensor, names: readonly string[]): Tensor[] {
    const quantized = memo(quantize);
    const products = memoPair((q8: Tensor, scale: Tensor) => this.#product({ q8, scale }));
    const sums = memo((q8: Tensor) => sumsOf(q8, this.weight));
    return names.map((name, i) => {
      const { q8: q, scale: s } = quantized(tap(`${name}.hook_in`, x));
      const q8 = tap(`${name}.hook_in_q8`, q);
      const scale = tap(`${name}.hook_in_scale`, s);
      if (!tapped(`${name}.hook_acc_i32`)) return products(q8, scale)[i];
      const end = this.begins[i] + this.rows[i];
      const acc = tap(`${name}.hook_acc_i32`, slice(sums(q8), ':', `${this.begins[i]}:${end}`));
      return rescale(acc, scale, slice(this.weight.rowScale, `${this.begins[i]}:${end}`));
    });
  }

  #product({ q8, scale }: Quantized): Tensor[] {
    const { weight, rows } = this;
    return weight instanceof PartedTernary ? weight.product(q8, scale, rows) : ternaryMatmul(q8, scale, weight, rows);
  }

  dispose(): void {
    this.weight.dispose();
  }
}

function quantize(x: Tensor): Quantized {
  const [q8, scale] = quantizeAct(x);
  return { q8, scale };
}

function sumsOf(q8: Tensor, weight: Ternary | PartedTernary): Tensor {
  return weight instanceof PartedTernary ? weight.sums(q8) : ternaryMatmulI32(q8, weight);
}

function memo<K, V>(compute: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return known.get(key) as V;
  };
}

function memoPair<A, B, V>(compute: (a: A, b: B) => V): (a: A, b: B) => V {
  const outer = memo((a: A) => memo((b: B) => compute(a, b)));
  return (a, b) => outer(a)(b);
}
