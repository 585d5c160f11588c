import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import type { DeviceName } from '../tensor/dtype';
import { checkDevice } from '../tensor/create';
import { checkShape, sizeOf } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { callOne } from './dispatch';
import { philox } from './philox';
import type { OpDef, RefArray, TensorSpec } from './schema';
import { touch } from './schema';

/**
 * What makes a random tensor. Element `i` comes from word `i mod 4` of Philox block `offset + floor(i / 4)` under the key
 * `seed`, so that the numbers depend on nothing else. A captured program gives the same numbers at each step.
 */
export interface RandomAttrs {
  readonly shape: readonly number[];
  /** Whole number from 0 below 2^53. */
  readonly seed: number;
  /** First block, a whole number from 0 below 2^53. */
  readonly offset: number;
  /** Lower bound, or mean. */
  readonly a: number;
  /** Upper bound, or standard deviation. */
  readonly b: number;
}

function checkRandom(op: string, { shape, seed, offset, a, b }: RandomAttrs): void {
  checkShape(op, shape);
  for (const [name, v] of [
    ['seed', seed],
    ['offset', offset],
  ] as const) {
    if (!Number.isSafeInteger(v) || v < 0)
      throw new OptionError(`expected ${name} to be a whole number from 0 below 2^53, received ${v}.`, { op });
  }
  if (!Number.isFinite(a) || !Number.isFinite(b))
    throw new OptionError(`expected finite bounds, received ${a} and ${b}.`, { op });
}

// Fills `y` from blocks of four words.
function fromBlocks(
  { data }: RefArray,
  { seed, offset }: RandomAttrs,
  values: (words: readonly number[]) => readonly number[],
): void {
  for (let i = 0; i < data.length; i += 4) {
    const block = offset + i / 4;
    const words = philox([block >>> 0, Math.floor(block / 2 ** 32), 0, 0], [seed >>> 0, Math.floor(seed / 2 ** 32)]);
    values(words).forEach((v, j) => {
      if (i + j < data.length) data[i + j] = v;
    });
  }
}

function randomDef(
  name: string,
  dtype: TensorSpec['dtype'],
  tolerance: OpDef['tolerance'],
  check: (attrs: RandomAttrs) => void,
  values: (words: readonly number[], attrs: RandomAttrs) => readonly number[],
): OpDef<RandomAttrs> {
  const make = (name: string, shape: number[], a: number, b: number, seed = 42, offset = 0) => ({
    name,
    inputs: [],
    attrs: { shape, seed, offset, a, b },
  });
  return {
    name,
    infer(_inputs, attrs) {
      checkRandom(name, attrs);
      check(attrs);
      return [{ shape: attrs.shape, dtype }];
    },
    encode: ({ seed, offset, a, b }) => [seed, offset, a, b],
    reference(_inputs, attrs, [y]) {
      fromBlocks(y, attrs, (words) => values(words, attrs));
    },
    cost: (inputs, outputs) => ({ ops: 20 * sizeOf(outputs[0].shape), bytes: touch(inputs, outputs) }),
    tolerance,
    cases: () => [
      make('odd size', [3, 1001], 0, 7),
      make('one', [], -3, 3),
      make('empty', [0], 0, 1),
      make('large seed and offset', [4099], -1, 2, Number.MAX_SAFE_INTEGER, 2 ** 32 - 3),
    ],
  };
}

/** `random_uniform`: `a + (b - a) u` with u one of 2^24 values in [0, 1). */
export const randomUniformDef: OpDef<RandomAttrs> = randomDef(
  'random_uniform',
  'f32',
  { rel: 2 ** -24, why: 'one float32 rounding; everything before is the same in double' },
  ({ a, b }) => {
    if (!(a <= b)) throw new OptionError(`expected low <= high, received ${a} and ${b}.`, { op: 'random_uniform' });
  },
  (words, { a, b }) => words.map((w) => a + (b - a) * ((w >>> 8) * 2 ** -24)),
);

/** `random_normal`: mean `a`, standard deviation `b`, by Box and Muller: words 0 and 1 give elements 0 and 1, and so on. */
export const randomNormalDef: OpDef<RandomAttrs> = randomDef(
  'random_normal',
  'f32',
  { rel: 2 ** -24 * (1 + 2 ** -20), why: 'one float32 rounding of a double within 2^-47' },
  ({ b }) => {
    if (!(b >= 0))
      throw new OptionError(`expected a standard deviation from 0, received ${b}.`, { op: 'random_normal' });
  },
  ([w0, w1, w2, w3], { a, b }) =>
    [
      [w0, w1],
      [w2, w3],
    ].flatMap(([u, v]) => {
      const radius = Math.sqrt(-2 * Math.log((u + 1) / 2 ** 32));
      const angle = 2 * Math.PI * (v / 2 ** 32);
      return [a + b * radius * Math.cos(angle), a + b * radius * Math.sin(angle)];
    }),
);

/** `randint`: whole numbers from `a` below `b`; each at most `2^-32` away from equal probability. */
export const randintDef: OpDef<RandomAttrs> = randomDef(
  'randint',
  'i32',
  { exact: true },
  ({ a, b }) => {
    if (!Number.isInteger(a) || !Number.isInteger(b) || a < -(2 ** 31) || b > 2 ** 31 || a >= b) {
      throw new OptionError(`expected whole numbers low < high inside the range of i32, received ${a} and ${b}.`, {
        op: 'randint',
      });
    }
  },
  (words, { a, b }) =>
    words.map((w) => a + Math.floor(((w >>> 16) * (b - a) + Math.floor(((w & 0xffff) * (b - a)) / 65536)) / 65536)),
);

/** Where a random tensor is made, and the numbers of its distribution. */
export interface UniformOptions {
  /** Default 0. */
  low?: number;
  /** Not reached, except by rounding to float32 when bounds are not 0 and 1. Default 1. */
  high?: number;
  device?: DeviceName;
}

/** Options of {@link Rng.normal}. */
export interface NormalOptions {
  /** Default 0. */
  mean?: number;
  /** Standard deviation. Default 1. */
  std?: number;
  device?: DeviceName;
}

/** A seeded stream of random tensors: each call goes on where the last one ended. Both devices give the same numbers. */
export class Rng {
  readonly seed: number;
  #offset = 0;

  /** @param seed whole number from 0 below 2^53 */
  constructor(seed: number) {
    checkRandom('rng', { shape: [], seed, offset: 0, a: 0, b: 0 });
    this.seed = seed;
  }

  /** Blocks of four words used so far. */
  get offset(): number {
    return this.#offset;
  }

  /** f32, evenly distributed over `[low, high)`. */
  uniform(shape: readonly number[], options: UniformOptions = {}): Tensor {
    checkOptions('uniform', options, ['low', 'high', 'device']);
    return this.#next(randomUniformDef, shape, options.low ?? 0, options.high ?? 1, options.device);
  }

  /** f32, normally distributed. */
  normal(shape: readonly number[], options: NormalOptions = {}): Tensor {
    checkOptions('normal', options, ['mean', 'std', 'device']);
    return this.#next(randomNormalDef, shape, options.mean ?? 0, options.std ?? 1, options.device);
  }

  /** i32, whole numbers from `low` below `high`. */
  randint(low: number, high: number, shape: readonly number[], options: { device?: DeviceName } = {}): Tensor {
    checkOptions('randint', options, ['device']);
    return this.#next(randintDef, shape, low, high, options.device);
  }

  #next(def: OpDef<RandomAttrs>, shape: readonly number[], a: number, b: number, device: DeviceName = 'cpu'): Tensor {
    checkDevice(def.name, device);
    const y = callOne(def, [], { shape: [...shape], seed: this.seed, offset: this.#offset, a, b }, device);
    this.#offset += Math.ceil(sizeOf(shape) / 4);
    return y;
  }
}

/** A seeded stream of random tensors. @param seed whole number from 0 below 2^53 */
export function rng(seed: number): Rng {
  return new Rng(seed);
}
