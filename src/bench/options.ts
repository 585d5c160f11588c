import type { BitNetConfig } from '../model/config';
import { checkContext } from '../model/rows';
import { getThreads } from '../native/device-info';
import { OptionError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import type { CacheType } from '../ops/kv';
import { checkCacheType } from '../ops/kv';
import type { TestSize } from './tests';

/** A number, or several: each is measured. */
export type Several = number | readonly number[];

/** Options of `bench`. */
export interface BenchOptions {
  /** Tokens of the prompt tests; 0 leaves them out. Default 512, or the model's context when that is shorter. */
  nPrompt?: Several;
  /** Tokens of the generation tests; 0 leaves them out. Default 128, or the model's context when that is shorter. */
  nGen?: Several;
  /** Tests of a prompt and a generation after it, in one time: pairs of their tokens. Default none. */
  promptGen?: readonly (readonly [prompt: number, gen: number])[];
  /** Positions in the cache before a test, filled with other tokens outside the time. Default 0. */
  depth?: Several;
  /** Sequences that generate side by side, in the tests that generate. Default 1. */
  parallel?: Several;
  /** How keys and values are kept. Default `f32`. */
  cacheType?: CacheType;
  /** Timed runs of each test. Default 5. */
  repetitions?: number;
  /** Threads; of several the last remains. Default: as they are. */
  threads?: Several;
  /** Whether to run each test once before timing. Default true. */
  warmup?: boolean;
  /** Milliseconds that loading took, for the receipt. */
  loadMs?: number;
  /** The command that measures this again, for the receipt. */
  command?: string;
  /** Called before each run of a test. */
  onProgress?: (progress: { readonly test: string; readonly done: number; readonly total: number }) => void;
  /** Stops between two chunks or tokens. */
  signal?: AbortSignal;
}

const optionNames: readonly (keyof BenchOptions)[] = [
  'nPrompt',
  'nGen',
  'promptGen',
  'depth',
  'parallel',
  'cacheType',
  'repetitions',
  'threads',
  'warmup',
  'loadMs',
  'command',
  'onProgress',
  'signal',
];

/** A test, its cache, and the threads it runs on. */
export interface PlannedTest extends TestSize {
  readonly cacheType: CacheType;
  readonly threads: number;
}

/**
 * The tests that options ask for: every combination.
 *
 * @throws OptionError for counts that are no whole numbers, or no test at all; ContextError beyond the model's context
 */
export function planTests(options: BenchOptions, config: BitNetConfig): { tests: PlannedTest[]; repetitions: number } {
  checkOptions('bench', options, [...optionNames]);
  const context = config.maxPositionEmbeddings;
  const { repetitions = 5, promptGen = [], cacheType = 'f32' } = options;
  checkCacheType('bench', cacheType);
  counts('repetitions', repetitions, 1);
  const depths = counts('depth', options.depth ?? 0, 0);
  const prompts = counts('nPrompt', options.nPrompt ?? Math.min(512, context), 0);
  const gens = counts('nGen', options.nGen ?? Math.min(128, context), 0);
  const parallels = counts('parallel', options.parallel ?? 1, 1);
  const threads = counts('threads', options.threads ?? getThreads(), 1);
  const shapes: (readonly [number, number])[] = [
    ...prompts.map((n) => [n, 0] as const),
    ...gens.map((n) => [0, n] as const),
    ...promptGen.map(([prompt, gen]) => [counts('promptGen', prompt, 1)[0], counts('promptGen', gen, 1)[0]] as const),
  ].filter(([prompt, gen]) => prompt + gen > 0);
  if (shapes.length === 0)
    throw new OptionError('expected nPrompt or nGen above 0, or promptGen, received none.', { op: 'bench' });
  const tests: PlannedTest[] = [];
  for (const t of threads)
    for (const nDepth of depths)
      for (const [nPrompt, nGen] of shapes)
        for (const nParallel of nGen > 0 ? parallels : [1]) {
          checkContext('bench', nDepth + nPrompt + nGen, config);
          tests.push({ nPrompt, nGen, nDepth, nParallel, cacheType, threads: t });
        }
  return { tests, repetitions };
}

function counts(name: string, given: Several, least: number): readonly number[] {
  const list = typeof given === 'number' ? [given] : given;
  if (Array.isArray(list) && list.length > 0 && list.every((n) => Number.isInteger(n) && n >= least)) return list;
  throw new OptionError(
    `expected ${name} to be a whole number from ${least}, or a list of them, received ${describe(given)}.`,
    { op: 'bench' },
  );
}
