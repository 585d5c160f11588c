import { loadBitNet } from '../load/load-model';
import type { BitNet } from '../model/bitnet';
import { LoadError } from '../native/errors';
import { checkOptions } from '../native/options';
import { bench } from './bench';
import { modelHash } from './model-hash';
import type { BenchOptions } from './options';
import type { Receipt } from './receipt';
import { readReceipts } from './receipt';

/** Options of {@link verifyReceipt}. */
export interface VerifyOptions {
  /** Where the model is now. Default: where the receipt says. */
  model?: string;
  onProgress?: BenchOptions['onProgress'];
  signal?: AbortSignal;
}

/** One receipt beside its rerun. */
export interface VerifiedReceipt {
  readonly test: string;
  /** The same hashes of output and logits. */
  readonly sameOutput: boolean;
  /** The same processor, variant, threads and device: only then do the speeds compare. */
  readonly sameMachine: boolean;
  /** Tokens per second, then and now. */
  readonly then_ts: number;
  readonly now_ts: number;
  /** `now_ts / then_ts` */
  readonly ratio: number;
  readonly receipt: Receipt;
  readonly rerun: Receipt;
}

/** What {@link verifyReceipt} found. */
export interface VerifyReport {
  /** Whether every rerun gave the same output. Speed is reported, not judged: machines differ and are noisy. */
  readonly ok: boolean;
  readonly results: readonly VerifiedReceipt[];
}

/**
 * Runs the throughput receipts of a file again, with their model, device, threads and repetitions.
 *
 * @throws LoadError if the file holds no throughput receipt, or the model is not the one that was measured
 */
export async function verifyReceipt(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  checkOptions('verifyReceipt', options, ['model', 'onProgress', 'signal']);
  const receipts = (await readReceipts(path)).filter((r): r is Receipt => r.kind === 'throughput');
  if (receipts.length === 0) {
    throw new LoadError(`expected a receipt of a model in ${path}, received none.`, { op: 'verifyReceipt' });
  }
  const results: VerifiedReceipt[] = [];
  let loaded: { model: BitNet; path: string; device: string } | undefined;
  try {
    for (const receipt of receipts) {
      const { device } = receipt;
      const modelPath = options.model ?? receipt.model_filename;
      await checkModel(receipt, modelPath, options.signal);
      if (loaded?.path !== modelPath || loaded.device !== device) {
        loaded?.model.dispose();
        loaded = undefined;
        loaded = { model: await loadBitNet(modelPath, { device, signal: options.signal }), path: modelPath, device };
      }
      results.push(compare(receipt, await rerun(receipt, loaded, options)));
    }
  } finally {
    loaded?.model.dispose();
  }
  return { ok: results.every((r) => r.sameOutput), results };
}

async function rerun(
  receipt: Receipt,
  target: { model: BitNet; path: string },
  options: VerifyOptions,
): Promise<Receipt> {
  const { n_prompt, n_gen, n_depth, n_parallel, type_k, n_threads, samples_ns, command } = receipt;
  const both = n_prompt > 0 && n_gen > 0;
  const [result] = await bench(target, {
    nPrompt: both ? 0 : n_prompt,
    nGen: both ? 0 : n_gen,
    promptGen: both ? [[n_prompt, n_gen]] : [],
    depth: n_depth,
    parallel: n_parallel ?? 1,
    cacheType: type_k ?? 'f32',
    threads: n_threads,
    repetitions: samples_ns.length,
    command,
    onProgress: options.onProgress,
    signal: options.signal,
  });
  return result;
}

async function checkModel({ test, model_sha256 }: Receipt, path: string, signal?: AbortSignal): Promise<void> {
  if (path === '' || model_sha256 === null) {
    throw new LoadError(`expected the receipt of ${test} to name its model, received none.`, { op: 'verifyReceipt' });
  }
  const found = await modelHash(path, signal);
  if (found === model_sha256) return;
  throw new LoadError(
    `expected the model with SHA-256 ${model_sha256}, received ${found} at ${path}. Name the right one with --model.`,
    {
      op: 'verifyReceipt',
      details: { path, expected: model_sha256, found },
    },
  );
}

function compare(receipt: Receipt, again: Receipt): VerifiedReceipt {
  const same = (names: readonly (keyof Receipt)[]): boolean => names.every((name) => receipt[name] === again[name]);
  return {
    test: receipt.test,
    sameOutput: same(['output_hash', 'logits_hash']),
    sameMachine: same(['cpu_info', 'variant', 'n_threads', 'device']),
    then_ts: receipt.median_ts,
    now_ts: again.median_ts,
    ratio: again.median_ts / receipt.median_ts,
    receipt,
    rerun: again,
  };
}
