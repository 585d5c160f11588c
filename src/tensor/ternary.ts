import type { DeviceName } from './dtype';
import type { Tensor } from './tensor';

/**
 * A matrix of weights -1, 0 and +1 with one scale per row, packed in the order of its device. `src/ops/ternary-weights.ts` makes
 * them and reads them back.
 */
export class Ternary {
  /** For the library's own use: see `ternaryFromHf()` and the like. */
  constructor(
    readonly rows: number,
    readonly cols: number,
    /** u8: two bits a weight, in the tile order of the running CPU variant; on `reference` the canonical planes. */
    readonly packed: Tensor,
    /** f32 `[rows]`: what a row's products are multiplied by. */
    readonly rowScale: Tensor,
  ) {}

  get device(): DeviceName {
    return this.packed.device;
  }

  /** Bytes of the packed weights and the scales. */
  get bytes(): number {
    return this.packed.bytes + this.rowScale.bytes;
  }

  get disposed(): boolean {
    return this.packed.disposed;
  }

  /** Frees the memory. Safe to call twice. */
  dispose(): void {
    this.packed.dispose();
    this.rowScale.dispose();
  }
}
