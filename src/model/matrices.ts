import type { TernaryLinear } from '../nn/ternary-linear';
import { PartedTernary } from '../nn/parted-ternary';
import { planeBytes, planesOf } from '../ops/ternary-planes';
import { ternaryCounts, ternaryValues } from '../ops/ternary-weights';
import { scope } from '../tensor/scope';
import type { BitNet } from './bitnet';

/** How many weights of a matrix are -1, 0 and +1, and how many of its rows have zeros only. */
export interface MatrixCounts {
  readonly minus: number;
  readonly zero: number;
  readonly plus: number;
  readonly deadRows: number;
}

/** One row of a ternary matrix. */
export interface MatrixRow {
  /** -1, 0 and 1, one per column. */
  readonly weights: Int8Array;
  /** Bit k % 8 of byte k / 8 is set where weight k is 0. */
  readonly zero: Uint8Array;
  /** The same, where it is +1. */
  readonly plus: Uint8Array;
  /** What the row's products are multiplied by. */
  readonly scale: number;
}

/** A ternary matrix of a model, under its name in the checkpoint, although it may lie merged with others in memory. */
export class WeightMatrix {
  constructor(
    /** Such as `model.layers.0.self_attn.q_proj`. */
    readonly name: string,
    readonly layer: number,
    readonly rows: number,
    readonly cols: number,
    readonly linear: TernaryLinear,
    /** Its first row in the merged matrix. */
    readonly begin: number,
  ) {}

  /** Counts the weights. */
  counts(): MatrixCounts {
    return scope(() => {
      const { weight } = this.linear;
      const all = weight instanceof PartedTernary ? weight.counts() : ternaryCounts(weight).data();
      const data = all.subarray(3 * this.begin, 3 * (this.begin + this.rows));
      const sums = [0, 0, 0];
      let deadRows = 0;
      data.forEach((n, i) => {
        sums[i % 3] += n;
        if (i % 3 === 1 && n === this.cols) deadRows++;
      });
      return { minus: sums[0], zero: sums[1], plus: sums[2], deadRows };
    });
  }

  /** A copy of row `r`: its weights, its two bit-planes and its scale. */
  row(r: number): MatrixRow {
    const at = this.begin + r;
    return scope(() => {
      const { weight } = this.linear;
      const weights =
        weight instanceof PartedTernary ? weight.row(at) : Int8Array.from(ternaryValues(weight, at, at + 1).data());
      const planes = planesOf(weights, 1, this.cols);
      const width = planeBytes(this.cols);
      return {
        weights,
        zero: planes.slice(0, width),
        plus: planes.slice(width),
        scale: this.linear.weight.rowScale.data()[at],
      };
    });
  }
}

/** Every ternary matrix of a model, in the order in which a token meets them. */
export function matricesOf(model: BitNet): WeightMatrix[] {
  return model.weights.blocks.flatMap(({ attn, mlp }, layer) =>
    [attn.qkv, attn.o, mlp.gateUp, mlp.down].flatMap((linear) =>
      linear.sources.map(
        (name, i) => new WeightMatrix(name, layer, linear.rows[i], linear.weight.cols, linear, linear.begins[i]),
      ),
    ),
  );
}

/** Bytes of a model's weights in memory. */
export interface MemoryUse {
  /** Packed ternary weights with their scales. */
  readonly ternary: number;
  /** Token table, and output table when it is another one. */
  readonly embedding: number;
  /** The copy of the output table that screens it. */
  readonly screen: number;
  readonly norms: number;
  /** Rotary tables. */
  readonly ropes: number;
}

/** Where the bytes of a model are. */
export function memoryOf({ weights }: BitNet): MemoryUse {
  const { embed, head, screen, blocks, lnFinal, ropes } = weights;
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const norms = blocks.flatMap(({ ln1, ln2, attn, mlp }) => [ln1, ln2, attn.subNorm, mlp.subNorm]);
  return {
    ternary: sum(
      blocks.flatMap(({ attn, mlp }) => [attn.qkv, attn.o, mlp.gateUp, mlp.down].map((x) => x.weight.bytes)),
    ),
    embedding: embed.bytes + (head === embed ? 0 : head.bytes),
    screen: screen?.bytes ?? 0,
    norms: sum([...norms, lnFinal].map((norm) => norm?.weight.bytes ?? 0)),
    ropes: ropes.cos.bytes + ropes.sin.bytes,
  };
}
