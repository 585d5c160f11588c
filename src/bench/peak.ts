import { getThreads } from '../native/device-info';
import { philox } from '../ops/philox';
import { ternaryMatmul, ternaryMatmulDef } from '../ops/ternary';
import { ternaryFromParts } from '../ops/ternary-weights';
import { capture } from '../program/capture';
import type { OpPeak } from '../program/profile';
import { fromTypedArray, ones } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import type { Ternary } from '../tensor/ternary';
import { median } from './stats';

/** Highest rate of the ternary product on this machine, its weights in cache. */
export interface KernelPeak {
  /** Rows of activations. */
  readonly rows: number;
  /** Multiply-accumulates per second on all threads of the process. */
  readonly macs: number;
}

// Rows of the matrix per thread: their packed bytes fill a second-level cache of 512 KiB, of 1 MiB, or lie in the third.
const matrixRows = [512, 1024, 2048];
const sampleMs = 8;

/**
 * Rates of the ternary product of the chosen variant with weights that stay in cache, threads as set: what is left when memory
 * costs nothing. The best of three sizes, each the median of `samples`.
 *
 * @param rows rows of activations, one result each
 * @param cols columns of the matrix, such as the model's hidden size
 */
export async function measurePeaks(rows: readonly number[], cols: number, samples = 3): Promise<KernelPeak[]> {
  const matrices = matrixRows.map((n) => randomMatrix(n * getThreads(), cols));
  try {
    const peaks: KernelPeak[] = [];
    for (const count of rows) {
      const rates: number[] = [];
      for (const matrix of matrices) rates.push(await rate(matrix, count, samples));
      peaks.push({ rows: count, macs: Math.max(...rates) });
    }
    return peaks;
  } finally {
    for (const matrix of matrices) matrix.dispose();
  }
}

/** The peak that holds for `rows` rows: of the largest count that was measured up to it, else of the smallest. */
export function peakFor(peaks: readonly KernelPeak[], rows: number): KernelPeak {
  const sorted = [...peaks].sort((a, b) => a.rows - b.rows);
  return sorted.filter((p) => p.rows <= rows).at(-1) ?? sorted[0];
}

/** The same peaks as `Program.profile` takes them. */
export function opPeaks(peaks: readonly KernelPeak[]): OpPeak[] {
  return peaks.map(({ rows, macs }) => ({ op: ternaryMatmulDef.name, rows, opsPerSecond: 2 * macs }));
}

async function rate(matrix: Ternary, count: number, samples: number): Promise<number> {
  const { rows, cols } = matrix;
  const q8 = fromTypedArray(Int8Array.from(randomBytes(count * cols)), { shape: [count, cols] });
  const scale = ones([count, 1]);
  const macs = count * rows * cols;
  // About the same time for every count, from a rate that any CPU has.
  const calls = Math.max(1, Math.min(200, Math.round((sampleMs / 1000) * (2e10 / macs))));
  const program = capture(() => {
    let y: Tensor | undefined;
    for (let i = 0; i < calls; i++) [y] = ternaryMatmul(q8, scale, matrix);
    return y;
  });
  try {
    await program.step();
    const seconds: number[] = [];
    for (let i = 0; i < samples; i++) {
      const start = performance.now();
      await program.step();
      seconds.push((performance.now() - start) / 1000);
    }
    return (calls * macs) / median(seconds);
  } finally {
    program.dispose();
    q8.dispose();
    scale.dispose();
  }
}

function randomMatrix(rows: number, cols: number): Ternary {
  const width = Math.ceil(cols / 8);
  const [a, b] = [randomBytes(rows * width), randomBytes(rows * width)];
  const planes = new Uint8Array(2 * rows * width);
  // Half zeros; of the others about half +1.
  planes.set(a);
  planes.set(
    b.map((x, i) => x & ~a[i]),
    rows * width,
  );
  const tensor = fromTypedArray(planes, { shape: [2, rows, width] });
  try {
    return ternaryFromParts([{ planes: tensor, scale: 1 }], cols);
  } finally {
    tensor.dispose();
  }
}

// Random bytes, the same again after 64 KiB: the time does not depend on them.
function randomBytes(count: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(Math.min(count, 1 << 16) / 4));
  for (let i = 0; i < words.length; i += 4) words.set(philox([i, 0, 0, 0], [7, 0]).slice(0, words.length - i), i);
  const pattern = new Uint8Array(words.buffer);
  return Uint8Array.from({ length: count }, (_, i) => pattern[i % pattern.length]);
}
