import { quantizeRows } from '../ops/screen';
import { screenedLinear, type ScreenState } from '../ops/screened-linear';
import type { Tensor } from '../tensor/tensor';

/** Heads below this many bytes stay in the cache of the CPU, where reading half of them saves little. */
const worthwhileBytes = 8 << 20;

/**
 * An int8 copy of an output head. A sampler that looks at the best logits only reads it instead of the head, at half the bytes or
 * a quarter, and gets the same logits: see the op `screened_linear`.
 */
export class HeadScreen {
  /**
   * @param codes i8 `[V, D]`
   * @param bounds f32 `[V, 4]`, see `quantize_rows`
   */
  constructor(
    readonly codes: Tensor,
    readonly bounds: Tensor,
  ) {}

  /** Makes the copy of a head, bf16 or f32 `[V, D]`. */
  static of(head: Tensor): HeadScreen {
    const [codes, bounds] = quantizeRows(head);
    return new HeadScreen(codes, bounds);
  }

  /** Whether screening a head saves time: a large one, but on `reference`. */
  static pays(head: Tensor): boolean {
    return head.device !== 'reference' && head.bytes >= worthwhileBytes;
  }

  get bytes(): number {
    return this.codes.bytes + this.bounds.bytes;
  }

  /**
   * The logits that a sampler may draw.
   *
   * @param x f32 `[T, D]`, one row per slot of `state`
   * @returns logits f32 `[T, V]`, minus infinity where the sampler would not look; rows of the head that were read, i32 `[T]`
   */
  forward(x: Tensor, head: Tensor, state: ScreenState): { logits: Tensor; rescored: Tensor } {
    const [logits, rescored] = screenedLinear(x, head, this.codes, this.bounds, state);
    return { logits, rescored };
  }

  dispose(): void {
    this.codes.dispose();
    this.bounds.dispose();
  }
}
