import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { LoadError } from '../native/errors';
import type { DeviceName } from '../tensor/dtype';
import type { Build } from './build';
import type { Machine } from './machine';
import { bootstrapInterval, mean, median, stddev } from './stats';

/** What every receipt says. The names are those of llama-bench where it has one. */
export interface ReceiptBase extends Build, Machine {
  readonly receipt_version: 1;
  /** What was measured: `pp512`, `tg128`, `overhead eager add`. */
  readonly test: string;
  /** The command that measures it again. */
  readonly command: string;
  /** Start, ISO 8601, UTC. */
  readonly test_time: string;
  readonly n_threads: number;
}

/** Tokens per second of a model. */
export interface Receipt extends ReceiptBase {
  readonly kind: 'throughput';
  readonly device: DeviceName;
  readonly model_filename: string;
  /** Family and number of weights. */
  readonly model_type: string;
  /** Bytes of the checkpoint. */
  readonly model_size: number;
  readonly model_n_params: number;
  readonly model_sha256: string | null;
  /** Tokens of the prompt; 0 in a generation test. */
  readonly n_prompt: number;
  /** Tokens generated; 0 in a prompt test. */
  readonly n_gen: number;
  /** Positions that were in the cache before. */
  readonly n_depth: number;
  /** Nanoseconds of each repetition. */
  readonly samples_ns: readonly number[];
  readonly avg_ns: number;
  readonly stddev_ns: number;
  /** Tokens per second of each repetition. */
  readonly samples_ts: readonly number[];
  readonly avg_ts: number;
  readonly stddev_ts: number;
  readonly median_ts: number;
  /** 95 % bootstrap interval of the median, tokens per second. */
  readonly interval_ts: readonly [number, number];
  /** Bytes that one generated token must read (head in its stored type, keys and values included); `null` for prompts, which share a read. */
  readonly bytes_per_token: number | null;
  /** Read bandwidth, bytes per second: median of passes between the repetitions; `null` on `reference`. */
  readonly read_bandwidth: number | null;
  readonly samples_bandwidth: readonly number[];
  /** Tokens per second if only the bytes had to be read. */
  readonly floor_ts: number | null;
  /** `median_ts` in percent of `floor_ts`. */
  readonly percent_of_floor: number | null;
  /** SHA-256 of the generated ids (int32), or of the ids of the prompt. */
  readonly output_hash: string;
  /** SHA-256 of the last token's logits (float32; float64 on `reference`). The same for any variant, thread count and prefill cut. */
  readonly logits_hash: string;
  /** Milliseconds that loading took; `null` when the model was there already. */
  readonly load_ms: number | null;
  /** Most resident memory of the process up to the end of the warm-up. */
  readonly peak_rss_bytes: number;
}

/** Time of a call that computes next to nothing. */
export interface OverheadReceipt extends ReceiptBase {
  readonly kind: 'overhead';
  /** Calls per sample. */
  readonly n_calls: number;
  /** Microseconds per call, of each sample. */
  readonly samples_us: readonly number[];
  readonly median_us: number;
  /** 95 % bootstrap interval of the median. */
  readonly interval_us: readonly [number, number];
}

/** The statistics of a throughput receipt. */
export function throughput(
  tokens: number,
  samplesNs: readonly number[],
): Pick<
  Receipt,
  'samples_ns' | 'avg_ns' | 'stddev_ns' | 'samples_ts' | 'avg_ts' | 'stddev_ts' | 'median_ts' | 'interval_ts'
> {
  const samplesTs = samplesNs.map((ns) => (1e9 * tokens) / ns);
  return {
    samples_ns: samplesNs,
    avg_ns: mean(samplesNs),
    stddev_ns: stddev(samplesNs),
    samples_ts: samplesTs,
    avg_ts: mean(samplesTs),
    stddev_ts: stddev(samplesTs),
    median_ts: median(samplesTs),
    interval_ts: bootstrapInterval(samplesTs),
  };
}

/**
 * Writes a receipt to `directory`, which is made when missing, under a name of test, time and commit.
 *
 * @returns path of the file
 * @throws LoadError if it cannot be written
 */
export async function writeReceipt(directory: string, receipt: Receipt | OverheadReceipt): Promise<string> {
  const { test, test_time, build_commit, n_threads } = receipt;
  const parts = [test, `t${n_threads}`, test_time.replace(/[-:]|\.\d+/g, ''), build_commit.slice(0, 8)];
  const path = join(directory, `${parts.join('-').replace(/[^\w.-]+/g, '-')}.json`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(path, `${JSON.stringify(receipt, undefined, 2)}\n`);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new LoadError(`expected to write ${path}, received ${reason}. Check the directory.`, {
      op: 'writeReceipt',
      cause,
    });
  }
  return path;
}

/**
 * Reads the receipts of a file: one object or an array of them.
 *
 * @throws LoadError if the file cannot be read or holds something else
 */
export async function readReceipts(path: string): Promise<(Receipt | OverheadReceipt)[]> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no file' : (cause as Error).message;
    throw new LoadError(`expected receipts in ${path}, received ${reason}.`, { op: 'readReceipts', cause });
  }
  const list: unknown[] = Array.isArray(value) ? value : [value];
  list.forEach((item, i) => {
    if (isReceipt(item)) return;
    throw new LoadError(
      `expected receipts in ${path}, received something else at ${i}. Write one with "rotor bench --json".`,
      {
        op: 'readReceipts',
      },
    );
  });
  return list as (Receipt | OverheadReceipt)[];
}

function isReceipt(item: unknown): boolean {
  if (typeof item !== 'object' || item === null) return false;
  const { receipt_version, kind, n_threads, ...rest } = item as Partial<Receipt | OverheadReceipt>;
  if (receipt_version !== 1 || typeof n_threads !== 'number') return false;
  if (kind === 'overhead') return typeof (rest as Partial<OverheadReceipt>).median_us === 'number';
  const { n_prompt, n_gen, median_ts, model_filename, output_hash, samples_ts } = rest as Partial<Receipt>;
  const numbers = [n_prompt, n_gen, median_ts].every((x) => typeof x === 'number' && Number.isFinite(x));
  const texts = [model_filename, output_hash].every((x) => typeof x === 'string');
  return kind === 'throughput' && numbers && texts && Array.isArray(samples_ts);
}
