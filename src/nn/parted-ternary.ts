import { add } from '../ops/binary';
import { concat } from '../ops/concat';
import { gather } from '../ops/gather';
import { slice } from '../ops/slice';
import { rescale, ternaryMatmul, ternaryMatmulI32 } from '../ops/ternary';
import { ternaryCounts, ternaryValues } from '../ops/ternary-weights';
import { tensor } from '../tensor/create';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import type { Ternary } from '../tensor/ternary';

/**
 * A ternary matrix that lies in two: one with the rows (or columns) that are always used, one with those that are used only where
 * someone looks. Its products have the bits of the undivided matrix: they are sums of integers, in whatever order.
 */
export class PartedTernary {
  readonly rows: number;
  readonly cols: number;
  /** f32 `[rows]` */
  readonly rowScale: Tensor;
  // Row or column i of the whole is `place[i]` of both parts side by side; `order` is the other way round.
  readonly #place: Tensor;
  readonly #order: readonly [Tensor, Tensor];

  /**
   * @param kept the part that is always used
   * @param rest the other
   * @param axis what is divided
   * @param place for each row or column of the whole: its place in `kept` followed by `rest`
   */
  constructor(
    readonly kept: Ternary,
    readonly rest: Ternary,
    readonly axis: 'rows' | 'columns',
    place: Int32Array,
  ) {
    const byRows = axis === 'rows';
    this.rows = byRows ? place.length : kept.rows;
    this.cols = byRows ? kept.cols : place.length;
    const order = new Int32Array(place.length);
    place.forEach((p, i) => (order[p] = i));
    const n = byRows ? kept.rows : kept.cols;
    this.#place = tensor(place, { device: kept.device });
    this.#order = [order.slice(0, n), order.slice(n)].map((part) => tensor(part, { device: kept.device })) as [
      Tensor,
      Tensor,
    ];
    this.rowScale = byRows ? scope(() => gather(concat([kept.rowScale, rest.rowScale]), this.#place)) : kept.rowScale;
  }

  /** Bytes of the packed weights and the scales of both parts. */
  get bytes(): number {
    return this.kept.bytes + this.rest.bytes;
  }

  /** As `ternaryMatmul` of the whole. */
  product(q8: Tensor, scale: Tensor, parts: readonly number[]): Tensor[] {
    if (this.axis === 'columns') return [rescale(this.sums(q8), scale, this.rowScale)];
    const both = concat(
      [this.kept, this.rest].map((w) => ternaryMatmul(q8, scale, w)[0]),
      1,
    );
    let begin = 0;
    return parts.map((n) => gather(both, slice(this.#place, `${begin}:${(begin += n)}`), 1));
  }

  /** As `ternaryMatmulI32` of the whole. */
  sums(q8: Tensor): Tensor {
    const halves = [this.kept, this.rest];
    if (this.axis === 'rows')
      return gather(
        concat(
          halves.map((w) => ternaryMatmulI32(q8, w)),
          1,
        ),
        this.#place,
        1,
      );
    const [a, b] = halves.map((w, i) => ternaryMatmulI32(gather(q8, this.#order[i], 1), w));
    return add(a, b);
  }

  /** How many weights of each row are -1, 0 and +1: `[rows, 3]`, flat. */
  counts(): Int32Array {
    return scope(() => {
      const [kept, rest] = [this.kept, this.rest].map((w) => ternaryCounts(w));
      const whole = this.axis === 'rows' ? gather(concat([kept, rest]), this.#place) : add(kept, rest);
      return Int32Array.from(whole.data());
    });
  }

  /** The weights of row `r`. */
  row(r: number): Int8Array {
    return scope(() => {
      if (this.axis === 'rows') {
        const at = this.#place.data()[r];
        const [part, i] = at < this.kept.rows ? [this.kept, at] : [this.rest, at - this.kept.rows];
        return Int8Array.from(ternaryValues(part, i, i + 1).data());
      }
      const both = concat(
        [this.kept, this.rest].map((w) => ternaryValues(w, r, r + 1)),
        1,
      );
      return Int8Array.from(gather(both, this.#place, 1).data());
    });
  }

  dispose(): void {
    this.kept.dispose();
    this.rest.dispose();
    for (const x of [this.rowScale, this.#place, ...this.#order]) x.dispose();
  }
}
