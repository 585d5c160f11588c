import { guardedAsync, native } from '../native/addon';
import type { BitNet } from '../model/bitnet';
import type { RMSNorm } from '../nn/norm';
import { median } from './stats';

/** What a model holds and what one token must read of it. */
export interface ModelSize {
  /** Weights, packed ones counted one by one; a tied head counts once. */
  readonly params: number;
  /** Bytes of the weights that every token reads: two bits per ternary weight and its row scales, the norms, the head (or the copy that screens it), and one row of the embedding. */
  readonly weightBytes: number;
  /** Bytes of keys and values that each position before a token adds. */
  readonly positionBytes: number;
}

/** Sizes of a model on `cpu`. The layout of a kernel does not count: the floor is the same for all. */
export function modelSize({ config, weights }: BitNet): ModelSize {
  const { embed, blocks, lnFinal, head, screen } = weights;
  const ternary = blocks.flatMap(({ attn, mlp }) => [attn.qkv, attn.o, mlp.gateUp, mlp.down]).map((x) => x.weight);
  const norms = blocks
    .flatMap(({ ln1, ln2, attn, mlp }): (RMSNorm | undefined)[] => [ln1, ln2, attn.subNorm, mlp.subNorm])
    .concat(lnFinal)
    .flatMap((norm) => norm?.weight ?? []);
  const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
  const tables = head === embed ? embed.size : embed.size + head.size;
  return {
    params: tables + sum(ternary.map((w) => w.rows * w.cols)) + sum(norms.map((w) => w.size)),
    weightBytes:
      sum(ternary.map((w) => 2 * w.rows * Math.ceil(w.cols / 8) + 4 * w.rows)) +
      sum(norms.map((w) => w.bytes)) +
      (screen ?? head).bytes +
      embed.bytes / embed.shape[0],
    positionBytes: 2 * 4 * config.numHiddenLayers * config.numKeyValueHeads * config.headDim,
  };
}

/** Mean bytes that each of `count` tokens from position 0 on must read: the weights, and the keys and values up to its own. */
export function bytesPerToken(size: ModelSize, count: number): number {
  return size.weightBytes + (size.positionBytes * (count + 1)) / 2;
}

const bandwidthBytes = 256 << 20;

/** Read bandwidth right now, bytes per second, on the threads that kernels use: the median of `passes` over 256 MiB. */
export async function measureBandwidth(passes = 3): Promise<number> {
  return median(await guardedAsync(native().readBandwidth(bandwidthBytes, passes)));
}
