import { createHash } from 'node:crypto';

import { openCheckpoint } from '../load/checkpoint';
import type { BitNet } from '../model/bitnet';
import { Decoder } from '../model/decoder';
import { checkContext } from '../model/rows';
import { getThreads, setThreads } from '../native/device-info';
import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import { philox } from '../ops/philox';
import { buildFacts } from './build';
import { bytesPerToken, measureBandwidth, modelSize } from './floor';
import { machineFacts } from './machine';
import { modelHash } from './model-hash';
import type { Receipt } from './receipt';
import { throughput } from './receipt';
import { median } from './stats';

/** A model, and where it came from when the receipt shall say so. */
export type BenchTarget = BitNet | { readonly model: BitNet; readonly path: string };

/** Options of {@link bench}. */
export interface BenchOptions {
  /** Tokens of the prompt test; 0 leaves it out. Default 512, or the model's context when that is shorter. */
  nPrompt?: number;
  /** Tokens of the generation test; 0 leaves it out. Default 128, or the model's context when that is shorter. */
  nGen?: number;
  /** Timed runs of each test. Default 5. */
  repetitions?: number;
  /** Threads of the process from here on. Default: as they are. */
  threads?: number;
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

const optionNames = [
  'nPrompt',
  'nGen',
  'repetitions',
  'threads',
  'warmup',
  'loadMs',
  'command',
  'onProgress',
  'signal',
];

/** A test made ready: `run` is what is timed, `hashes` is what it computed. */
interface Test {
  readonly name: string;
  readonly nPrompt: number;
  readonly nGen: number;
  run(): Promise<void>;
  hashes(): Promise<Pick<Receipt, 'output_hash' | 'logits_hash'>>;
  dispose(): void;
}

/**
 * Measures a model as llama-bench does, one receipt per test: `pp` fills the cache with a prompt of fixed random tokens (no
 * logits), `tg` generates greedily from an empty cache, each token a full step with its logits and the choice of the next.
 * Between the repetitions it measures the read bandwidth, so that the share of the floor stands on numbers of the same minute.
 *
 * @throws OptionError for counts that are no whole numbers, or no test at all; ContextError beyond the model's context; the
 *   reason of `signal` when it aborts
 */
export async function bench(target: BenchTarget, options: BenchOptions = {}): Promise<Receipt[]> {
  checkOptions('bench', options, optionNames);
  const { model, path } = 'model' in target ? target : { model: target, path: undefined };
  const context = model.config.maxPositionEmbeddings;
  const {
    nPrompt = Math.min(512, context),
    nGen = Math.min(128, context),
    repetitions = 5,
    warmup = true,
    signal,
  } = options;
  checkCounts({ nPrompt, nGen, repetitions });
  checkContext('bench', Math.max(nPrompt, nGen), model.config);
  if (options.threads !== undefined) setThreads(options.threads);
  const tests: Test[] = [];
  try {
    if (nPrompt > 0) tests.push(promptTest(model, nPrompt, signal));
    if (nGen > 0) tests.push(generationTest(model, nGen, signal));
    const facts = await modelFacts(model, path, signal);
    for (const test of warmup ? tests : []) {
      options.onProgress?.({ test: test.name, done: 0, total: repetitions });
      await test.run();
    }
    const shared = {
      receipt_version: 1 as const,
      kind: 'throughput' as const,
      command:
        options.command ?? `bench(model, ${JSON.stringify({ nPrompt, nGen, repetitions, threads: getThreads() })})`,
      ...(await buildFacts()),
      ...(await machineFacts()),
      n_threads: model.device === 'cpu' ? getThreads() : 1,
      device: model.device,
      ...facts,
      load_ms: options.loadMs ?? null,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    };
    const receipts: Receipt[] = [];
    for (const test of tests) {
      const onRun = (done: number): void => options.onProgress?.({ test: test.name, done, total: repetitions });
      receipts.push({ ...shared, ...(await measure(model, test, repetitions, onRun)) });
    }
    return receipts;
  } finally {
    for (const test of tests) test.dispose();
  }
}

async function measure(model: BitNet, test: Test, repetitions: number, onRun: (done: number) => void) {
  const onCpu = model.device === 'cpu';
  const test_time = new Date().toISOString();
  const samplesNs: number[] = [];
  const bandwidths: number[] = onCpu ? [await measureBandwidth()] : [];
  for (let i = 0; i < repetitions; i++) {
    onRun(i);
    const start = process.hrtime.bigint();
    await test.run();
    samplesNs.push(Number(process.hrtime.bigint() - start));
    if (onCpu) bandwidths.push(await measureBandwidth());
  }
  const statistics = throughput(test.nPrompt + test.nGen, samplesNs);
  const bytes = onCpu && test.nGen > 0 ? bytesPerToken(modelSize(model), test.nGen) : null;
  const bandwidth = onCpu ? median(bandwidths) : null;
  const floor = bytes !== null && bandwidth !== null ? bandwidth / bytes : null;
  return {
    test: test.name,
    test_time,
    n_prompt: test.nPrompt,
    n_gen: test.nGen,
    n_depth: 0,
    ...statistics,
    bytes_per_token: bytes,
    read_bandwidth: bandwidth,
    samples_bandwidth: bandwidths,
    floor_ts: floor,
    percent_of_floor: floor === null ? null : (100 * statistics.median_ts) / floor,
    ...(await test.hashes()),
  };
}

const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, repetition: 1, presence: 0, frequency: 0 };

function promptTest(model: BitNet, nPrompt: number, signal?: AbortSignal): Test {
  const decoder = new Decoder(model, { slots: 1, length: nPrompt });
  const ids = Array.from({ length: nPrompt }, (_, i) => philox([i, 0, 0, 0], [1, 0])[0] % model.config.vocabSize);
  return {
    name: `pp${nPrompt}`,
    nPrompt,
    nGen: 0,
    run: () => decoder.prefill(0, ids, { signal }),
    async hashes() {
      // The last token once more, at its own position: the prompt test computes no logits.
      decoder.state.start(0, ids[nPrompt - 1], nPrompt - 1, [], greedy, [0, 0], []);
      const { logits } = await decoder.step();
      return { output_hash: sha256(Int32Array.from(ids)), logits_hash: sha256(logits.data()) };
    },
    dispose: () => decoder.dispose(),
  };
}

function generationTest(model: BitNet, nGen: number, signal?: AbortSignal): Test {
  const decoder = new Decoder(model, { slots: 1, length: nGen, logits: 'candidates' });
  const first = model.config.bosTokenId ?? 0;
  const ids = new Int32Array(nGen);
  return {
    name: `tg${nGen}`,
    nPrompt: 0,
    nGen,
    async run() {
      decoder.state.start(0, first, 0, [], greedy, [0, 0], []);
      for (let i = 0; i < nGen; i++) {
        signal?.throwIfAborted();
        await decoder.step();
        ids[i] = decoder.state.token.data()[0];
      }
    },
    async hashes() {
      // The last token that was run once more, at its own position: a step need not compute all logits.
      let logits_hash = '';
      await decoder.prefill(0, [nGen > 1 ? ids[nGen - 2] : first], {
        start: nGen - 1,
        onLogits: (logits) => (logits_hash = sha256(logits.data())),
      });
      return { output_hash: sha256(ids), logits_hash };
    },
    dispose: () => decoder.dispose(),
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

function sha256(values: ArrayBufferView): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}

function checkCounts(counts: { nPrompt: number; nGen: number; repetitions: number }): void {
  for (const [name, value] of Object.entries(counts)) {
    const least = name === 'repetitions' ? 1 : 0;
    if (Number.isInteger(value) && value >= least) continue;
    throw new OptionError(`expected ${name} to be a whole number from ${least}, received ${String(value)}.`, {
      op: 'bench',
    });
  }
  if (counts.nPrompt + counts.nGen > 0) return;
  throw new OptionError('expected nPrompt or nGen above 0, received 0 for both.', { op: 'bench' });
}
