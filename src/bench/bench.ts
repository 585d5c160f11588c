import { openCheckpoint } from '../load/checkpoint';
import type { BitNet } from '../model/bitnet';
import { setThreads } from '../native/device-info';
import { buildFacts } from './build';
import { bytesPerToken, measureBandwidth, modelSize, rooflineOf } from './floor';
import { machineFacts } from './machine';
import { modelHash } from './model-hash';
import type { BenchOptions, PlannedTest } from './options';
import { planTests } from './options';
import type { KernelPeak } from './peak';
import { PeakProbe } from './peak';
import type { Receipt } from './receipt';
import { throughput } from './receipt';
import { median } from './stats';
import { TestBed, testName } from './tests';

/** A model, and where it came from when the receipt shall say so. */
export type BenchTarget = BitNet | { readonly model: BitNet; readonly path: string };

/** What is collected while the tests take turns. */
interface Samples {
  readonly test: PlannedTest;
  readonly bed: TestBed;
  readonly ns: number[];
  readonly bandwidths: number[];
  start: string;
  hashes: Pick<Receipt, 'output_hash' | 'logits_hash'>;
}

/**
 * Measures a model as llama-bench does, one receipt per test: `pp` fills the cache with a prompt of fixed random tokens (no
 * logits), `tg` generates greedily, each token a full step with its logits and the choice of the next, `pp+tg` one after the other.
 * The tests take turns, one run of each per repetition, so that a slow minute of the machine meets all of them; between the runs the
 * read bandwidth and the rate of the ternary kernel in cache are measured: every share of a limit stands on numbers of the same
 * minutes.
 *
 * @throws OptionError for counts that are no whole numbers, or no test at all; ContextError beyond the model's context; the
 *   reason of `signal` when it aborts
 */
export async function bench(target: BenchTarget, options: BenchOptions = {}): Promise<Receipt[]> {
  const { model, path } = 'model' in target ? target : { model: target, path: undefined };
  const { tests, repetitions } = planTests(options, model.config);
  const { warmup = true, signal } = options;
  const onCpu = model.device === 'cpu';
  const beds = new Map<string, TestBed>();
  const probes = new Map<number, PeakProbe>();
  try {
    const runs = tests.map((test): Samples => {
      const empty = { output_hash: '', logits_hash: '' };
      return { test, bed: bedOf(beds, model, test, tests), ns: [], bandwidths: [], start: '', hashes: empty };
    });
    const facts = await modelFacts(model, path, signal);
    setThreads(tests[tests.length - 1].threads);
    for (const bed of beds.values()) await bed.fill(signal);
    for (const { test, bed } of warmup ? runs : []) {
      options.onProgress?.({ test: testName(test), done: 0, total: repetitions });
      setThreads(test.threads);
      await bed.run(test, signal);
    }
    const peak_rss_bytes = process.resourceUsage().maxRSS * 1024;
    for (const threads of onCpu ? new Set(tests.map((x) => x.threads)) : []) {
      setThreads(threads);
      probes.set(
        threads,
        new PeakProbe(tests.filter((x) => x.threads === threads).flatMap(rowsOf), model.config.hiddenSize),
      );
    }
    for (let i = 0; i < repetitions; i++) {
      for (const run of runs) {
        options.onProgress?.({ test: testName(run.test), done: i, total: repetitions });
        await repeat(run, probes.get(run.test.threads), i === repetitions - 1, signal);
      }
    }
    setThreads(tests[tests.length - 1].threads);
    const shared = {
      receipt_version: 1 as const,
      kind: 'throughput' as const,
      command: options.command ?? `bench(model, ${JSON.stringify(commandOptions(options))})`,
      ...(await buildFacts()),
      ...(await machineFacts()),
      device: model.device,
      ...facts,
      load_ms: options.loadMs ?? null,
      peak_rss_bytes,
    };
    return runs.map((run) => ({ ...shared, ...results(model, run, probes.get(run.test.threads)?.peaks) }));
  } finally {
    for (const probe of probes.values()) probe.dispose();
    for (const bed of beds.values()) bed.dispose();
  }
}

// Tests of one depth and number of sequences share a bed, which has room for the longest of them.
function bedOf(beds: Map<string, TestBed>, model: BitNet, test: PlannedTest, tests: readonly PlannedTest[]): TestBed {
  const { nDepth, nParallel } = test;
  const key = `${nDepth} ${nParallel}`;
  const known = beds.get(key);
  if (known !== undefined) return known;
  const same = tests.filter((x) => x.nDepth === nDepth && x.nParallel === nParallel);
  const bed = new TestBed(model, test, Math.max(...same.map((x) => x.nPrompt + x.nGen)));
  beds.set(key, bed);
  return bed;
}

// The rows of activations that a ternary product of a test has at once.
function rowsOf({ nPrompt, nGen, nParallel }: PlannedTest): number[] {
  return [...new Set([...(nGen > 0 ? [nParallel] : []), ...(nPrompt > 0 ? [nPrompt] : [])])];
}

async function repeat(run: Samples, probe: PeakProbe | undefined, last: boolean, signal?: AbortSignal): Promise<void> {
  const { test, bed, ns, bandwidths } = run;
  const limits = async (): Promise<void> => {
    if (probe === undefined) return;
    bandwidths.push(await measureBandwidth(1));
    await probe.visit(rowsOf(test));
  };
  setThreads(test.threads);
  if (ns.length === 0) run.start = new Date().toISOString();
  await limits();
  const start = process.hrtime.bigint();
  const tokens = await bed.run(test, signal);
  ns.push(Number(process.hrtime.bigint() - start));
  await limits();
  // At once, while the cache still holds what this test wrote.
  if (last) run.hashes = await bed.hashes(test, tokens);
}

function results(model: BitNet, { test, ns, bandwidths, start, hashes }: Samples, peaks: readonly KernelPeak[] = []) {
  const statistics = throughput(test.nParallel * (test.nPrompt + test.nGen), ns);
  const size = model.device === 'cpu' ? modelSize(model, test.cacheType) : null;
  const bandwidth = size === null ? null : median(bandwidths);
  const bytes = size !== null && test.nGen > 0 && test.nPrompt === 0 ? bytesPerToken(size, test) : null;
  const floor = bytes === null || bandwidth === null ? null : bandwidth / bytes;
  const roofline = size === null || bandwidth === null ? null : rooflineOf(size, test, bandwidth, peaks);
  const percentOf = (limit: number | null | undefined): number | null =>
    typeof limit === 'number' ? (100 * statistics.median_ts) / limit : null;
  return {
    test: testName(test),
    test_time: start,
    n_threads: model.device === 'cpu' ? test.threads : 1,
    n_prompt: test.nPrompt,
    n_gen: test.nGen,
    n_depth: test.nDepth,
    n_parallel: test.nParallel,
    type_k: test.cacheType,
    type_v: test.cacheType,
    ...statistics,
    bytes_per_token: bytes,
    read_bandwidth: bandwidth,
    samples_bandwidth: bandwidths,
    floor_ts: floor,
    percent_of_floor: percentOf(floor),
    kernel_peak: roofline?.kernelPeak.macs ?? null,
    samples_kernel_peak: roofline?.kernelPeak.visits ?? [],
    roofline_ts: roofline?.tokensPerSecond ?? null,
    percent_of_roofline: percentOf(roofline?.tokensPerSecond),
    ...hashes,
  };
}

async function modelFacts(model: BitNet, path: string | undefined, signal?: AbortSignal) {
  const { params, weightBytes } = modelSize(model);
  const model_type = `${model.config.modelType} ${(params / (params < 1e9 ? 1e6 : 1e9)).toFixed(1)} ${params < 1e9 ? 'M' : 'B'}`;
  return {
    model_filename: path ?? '',
    model_type,
    model_size: path === undefined ? weightBytes : (await openCheckpoint(path)).totalBytes,
    model_n_params: params,
    model_sha256: path === undefined ? null : await modelHash(path, signal),
  };
}

// The options that say what was measured, without callbacks.
function commandOptions({ onProgress: _, signal: __, command: ___, loadMs: ____, ...rest }: BenchOptions): object {
  return rest;
}
