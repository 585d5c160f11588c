import { guardedAsync, native } from '../native/addon';
import type { BitNet } from '../model/bitnet';
import { cachePositionBytes } from '../nn/kv-cache';
import type { RMSNorm } from '../nn/norm';
import type { CacheType } from '../ops/kv';
import type { KernelPeak } from './peak';
import { peakFor } from './peak';
import { median } from './stats';
import type { TestSize } from './tests';

/** What a model holds and what one token must read of it. */
export interface ModelSize {
  /** Weights, packed ones counted one by one; a tied head counts once. */
  readonly params: number;
  /** Bytes of the weights that every token reads: two bits per ternary weight and its row scales, the norms, the head (or the copy that screens it), and one row of the embedding. */
  readonly weightBytes: number;
  /** The part of them that is ternary: two bits a weight and the row scales. */
  readonly ternaryBytes: number;
  /** Multiply-accumulates with ternary weights that every token takes. */
  readonly ternaryMacs: number;
  /** Bytes of keys and values that each position before a token adds. */
  readonly positionBytes: number;
}

/** Sizes of a model on `cpu`, with a cache of the given type. The layout of a kernel does not count: the floor is the same for all. */
export function modelSize({ config, weights }: BitNet, cacheType: CacheType = 'f32'): ModelSize {
  const { embed, blocks, lnFinal, head, screen } = weights;
  const whole = blocks.flatMap(({ attn, mlp }) => [attn.qkv, attn.o, mlp.gateUp, mlp.down]).map((x) => x.weight);
  const ternary = blocks.flatMap(({ attn, mlp }) => [
    ...[attn.qkv.weight, attn.o.weight],
    ...[mlp.live?.gateUp ?? mlp.gateUp.weight, mlp.live?.down ?? mlp.down.weight],
  ]);
  const norms = blocks
    .flatMap(({ ln1, ln2, attn, mlp }): (RMSNorm | undefined)[] => [ln1, ln2, attn.subNorm, mlp.subNorm])
    .concat(lnFinal)
    .flatMap((norm) => norm?.weight ?? []);
  const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
  const ternaryBytes = sum(ternary.map((w) => 2 * w.rows * Math.ceil(w.cols / 8) + 4 * w.rows));
  const ternaryMacs = sum(ternary.map((w) => w.rows * w.cols));
  const tables = head === embed ? embed.size : embed.size + head.size;
  return {
    params: tables + sum(whole.map((w) => w.rows * w.cols)) + sum(norms.map((w) => w.size)),
    ternaryBytes,
    ternaryMacs,
    weightBytes: ternaryBytes + sum(norms.map((w) => w.bytes)) + (screen ?? head).bytes + embed.bytes / embed.shape[0],
    positionBytes: cachePositionBytes(
      { layers: config.numHiddenLayers, heads: config.numKeyValueHeads, headDim: config.headDim },
      cacheType,
    ),
  };
}

/** Mean bytes that one generated token must read: the weights, which sequences side by side share, and the keys and values up to its own. */
export function bytesPerToken(size: ModelSize, { nPrompt, nGen, nDepth, nParallel }: TestSize): number {
  return size.weightBytes / nParallel + size.positionBytes * (nDepth + nPrompt + (nGen + 1) / 2);
}

/** What a run can reach at most: the limits were measured in the same minutes. */
export interface Roofline {
  /** Rate of the ternary product with weights in cache that the roofline is drawn with. */
  readonly kernelPeak: KernelPeak;
  /** Tokens per second. */
  readonly tokensPerSecond: number;
}

/**
 * The roofline of a test. A ternary product takes at least the time of its bytes at the read bandwidth, or of its arithmetic at the
 * rate that the kernel reaches with weights in cache, whichever is longer; everything else at least the time of its bytes. Prompt
 * tokens share one reading of the weights, so that arithmetic is what counts there.
 */
export function rooflineOf(size: ModelSize, test: TestSize, bandwidth: number, peaks: readonly KernelPeak[]): Roofline {
  const { nPrompt, nGen, nParallel } = test;
  const promptPeak = peakFor(peaks, nPrompt);
  const stepPeak = peakFor(peaks, nParallel);
  const step =
    Math.max(size.ternaryBytes / bandwidth, (nParallel * size.ternaryMacs) / stepPeak.macs) +
    (nParallel * bytesPerToken(size, test) - size.ternaryBytes) / bandwidth;
  const seconds = (nParallel * nPrompt * size.ternaryMacs) / promptPeak.macs + nGen * step;
  return {
    kernelPeak: nGen > 0 ? stepPeak : promptPeak,
    tokensPerSecond: (nParallel * (nPrompt + nGen)) / seconds,
  };
}

const bandwidthBytes = 256 << 20;

/** Read bandwidth right now, bytes per second, on the threads that kernels use: the median of `passes` over 256 MiB. */
export async function measureBandwidth(passes = 3): Promise<number> {
  return median(await guardedAsync(native().readBandwidth(bandwidthBytes, passes)));
}
