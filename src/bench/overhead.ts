import { getThreads, setThreads } from '../native/device-info';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import { add } from '../ops/binary';
import { concat } from '../ops/concat';
import { capture } from '../program/capture';
import { ones } from '../tensor/create';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { buildFacts } from './build';
import { machineFacts } from './machine';
import type { OverheadReceipt } from './receipt';
import { bootstrapInterval, median } from './stats';

/** Options of {@link benchOverhead}. */
export interface OverheadOptions {
  /** Samples of each test. Default 31. */
  samples?: number;
  /** Threads of the process from here on. Default: as they are. */
  threads?: number;
  /** The command that measures this again, for the receipt. */
  command?: string;
}

const callsPerSample = 1000;

/**
 * Microseconds of a call beside its arithmetic, one receipt per test: an eager op of one element in a scope of its own, the same
 * for the widest record (eight inputs), and a record of a captured program of 1,000 one-element additions.
 */
export async function benchOverhead(options: OverheadOptions = {}): Promise<OverheadReceipt[]> {
  checkOptions('benchOverhead', options, ['samples', 'threads', 'command']);
  const { samples = 31 } = options;
  if (!Number.isInteger(samples) || samples < 1) {
    throw new OptionError(`expected samples to be a whole number from 1, received ${String(samples)}.`, {
      op: 'benchOverhead',
    });
  }
  if (options.threads !== undefined) setThreads(options.threads);
  const shared = {
    receipt_version: 1 as const,
    kind: 'overhead' as const,
    command: options.command ?? 'benchOverhead()',
    ...(await buildFacts()),
    ...(await machineFacts()),
    n_threads: getThreads(),
  };
  const one = ones([1]);
  const eight = Array.from({ length: 8 }, () => one);
  const program = capture(() => {
    let sum = one;
    for (let i = 0; i < callsPerSample; i++) sum = add(sum, one);
    return sum;
  });
  const eager = (body: () => Tensor) => (): void => {
    for (let i = 0; i < callsPerSample; i++) scope(() => void body());
  };
  const tests: readonly (readonly [string, () => void])[] = [
    ['overhead eager add', eager(() => add(one, one))],
    ['overhead eager concat of 8', eager(() => concat(eight, 0))],
    ['overhead captured add', () => program.stepSync()],
  ];
  try {
    return tests.map(([test, run]) => ({ ...shared, test, ...timed(run, samples) }));
  } finally {
    program.dispose();
    one.dispose();
  }
}

function timed(run: () => void, samples: number) {
  const test_time = new Date().toISOString();
  // Until the code is compiled and the memory is there.
  for (let i = 0; i < 5; i++) run();
  const samples_us = Array.from({ length: samples }, () => {
    const start = process.hrtime.bigint();
    run();
    return Number(process.hrtime.bigint() - start) / 1e3 / callsPerSample;
  });
  return {
    test_time,
    n_calls: callsPerSample,
    samples_us,
    median_us: median(samples_us),
    interval_us: bootstrapInterval(samples_us),
  };
}
