import { getThreads } from '../native/device-info';
import { philox } from '../ops/philox';
import { ternaryMatmul, ternaryMatmulDef } from '../ops/ternary';
import { ternaryFromParts } from '../ops/ternary-weights';
import { capture } from '../program/capture';
import type { OpPeak } from '../program/profile';
import type { Program } from '../program/program';
import { fromTypedArray, ones } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import type { Ternary } from '../tensor/ternary';

/** Highest rate of the ternary product on this machine, its weights in cache. */
export interface KernelPeak {
  /** Rows of activations. */
  readonly rows: number;
  /** Multiply-accumulates per second on all threads of the process: the best of all visits. */
  readonly macs: number;
  /** The best of each visit, in the order of time. */
  readonly visits: readonly number[];
}

// Rows of the matrix per thread: their packed bytes fill a second-level cache of 512 KiB, of 1 MiB, or lie in the third.
const matrixRows = [512, 1024, 2048];
const sampleMs = 8;
const visitSamples = 3;

/**
 * The highest rate of the ternary product of the chosen variant with weights that stay in cache: what is left when memory costs
 * nothing, and so what a test can reach at most.
 *
 * A machine that is shared is slow for milliseconds to seconds, and a rate that was taken then is no limit. So samples are short
 * (a few milliseconds), of three sizes of matrix, taken in many visits between the runs of the tests, and the best of them all
 * counts: a test of seconds cannot be faster than the best milliseconds of the same minutes. What the visits found, each its own
 * best, is kept beside it, and shows how steady the machine was.
 *
 * The matrices fit the threads that are set when it is made.
 */
export class PeakProbe {
  readonly #products: Product[] = [];
  readonly #matrices: Ternary[] = [];
  readonly #visits = new Map<number, number[]>();

  /**
   * @param rows rows of activations, one result each
   * @param cols columns of the matrix, such as the model's hidden size
   */
  constructor(rows: Iterable<number>, cols: number) {
    const counts = [...new Set(rows)];
    for (const n of matrixRows) {
      const matrix = randomMatrix(n * getThreads(), cols);
      this.#matrices.push(matrix);
      for (const count of counts) this.#products.push(new Product(matrix, count));
    }
    for (const count of counts) this.#visits.set(count, []);
  }

  /** Takes samples of the given numbers of rows, or of all. */
  async visit(rows: readonly number[] = [...this.#visits.keys()]): Promise<void> {
    for (const count of rows) {
      const rates: number[] = [];
      for (const product of this.#products) if (product.count === count) rates.push(await product.rate());
      this.#visits.get(count)?.push(Math.max(...rates));
    }
  }

  /** The best of all visits, for each number of rows that was visited. */
  get peaks(): KernelPeak[] {
    return [...this.#visits]
      .filter(([, visits]) => visits.length > 0)
      .map(([rows, visits]) => ({ rows, macs: Math.max(...visits), visits: [...visits] }));
  }

  dispose(): void {
    for (const product of this.#products) product.dispose();
    for (const matrix of this.#matrices) matrix.dispose();
  }
}

/**
 * Rates of the ternary product with weights in cache, threads as set: the best of `visits` of a {@link PeakProbe}.
 *
 * @param rows rows of activations, one result each
 * @param cols columns of the matrix, such as the model's hidden size
 */
export async function measurePeaks(rows: readonly number[], cols: number, visits = 5): Promise<KernelPeak[]> {
  const probe = new PeakProbe(rows, cols);
  try {
    for (let i = 0; i < visits; i++) await probe.visit();
    const { peaks } = probe;
    return rows.map((count) => peakFor(peaks, count));
  } finally {
    probe.dispose();
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

// Products of one matrix with `count` rows, in a program of their own.
class Product {
  readonly #macs: number;
  readonly #inputs: readonly Tensor[];
  readonly #program: Program<Tensor>;
  #warm = false;

  constructor(
    matrix: Ternary,
    readonly count: number,
  ) {
    const { rows, cols } = matrix;
    const q8 = fromTypedArray(Int8Array.from(randomBytes(count * cols)), { shape: [count, cols] });
    const scale = ones([count, 1]);
    const macs = count * rows * cols;
    // About the same time for every count, from a rate that any CPU has.
    const calls = Math.max(1, Math.min(200, Math.round((sampleMs / 1000) * (2e10 / macs))));
    this.#inputs = [q8, scale];
    this.#macs = calls * macs;
    this.#program = capture(() => {
      let [y] = ternaryMatmul(q8, scale, matrix);
      for (let i = 1; i < calls; i++) [y] = ternaryMatmul(q8, scale, matrix);
      return y;
    });
  }

  /** Multiply-accumulates per second, the best of some samples. */
  async rate(): Promise<number> {
    if (!this.#warm) await this.#program.step();
    this.#warm = true;
    let seconds = Infinity;
    for (let i = 0; i < visitSamples; i++) {
      const start = performance.now();
      await this.#program.step();
      seconds = Math.min(seconds, (performance.now() - start) / 1000);
    }
    return this.#macs / seconds;
  }

  dispose(): void {
    this.#program.dispose();
    for (const input of this.#inputs) input.dispose();
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
