import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { bench } from '../../src/bench/bench';
import { bytesPerToken, modelSize, rooflineOf } from '../../src/bench/floor';
import { benchOverhead } from '../../src/bench/overhead';
import { measurePeaks, peakFor } from '../../src/bench/peak';
import type { Receipt } from '../../src/bench/receipt';
import { readReceipts, throughput, writeReceipt } from '../../src/bench/receipt';
import { verifyReceipt } from '../../src/bench/verify';
import { loadBitNet } from '../../src/load/load-model';
import type { BitNet } from '../../src/model/bitnet';
import { memoryStats, setThreads } from '../../src/native/device-info';
import { ContextError, LoadError, OptionError } from '../../src/native/errors';
import { receiptBars } from '../../src/plot/receipts';
import { collectGarbage } from '../collect';

const path = join(__dirname, '..', '..', 'models', 'rotor-tiny');
let model: BitNet;
let directory: string;
let receipts: Receipt[];

async function settledBytes(): Promise<number> {
  await collectGarbage();
  return memoryStats().liveBytes;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rotor-bench-'));
  model = await loadBitNet(path);
  receipts = await bench({ model, path }, { nPrompt: 9, nGen: 5, repetitions: 2, threads: 1 });
}, 60_000);

afterAll(async () => {
  model.dispose();
  await rm(directory, { recursive: true });
});

describe('receipts', () => {
  test('carry the keys of llama-bench and the facts of machine, build and model', () => {
    expect(receipts.map((r) => r.test)).toEqual(['pp9', 'tg5']);
    for (const receipt of receipts) {
      expect(receipt).toMatchObject({
        kind: 'throughput',
        n_threads: 1,
        device: 'cpu',
        n_depth: 0,
        type_k: 'f32',
        type_v: 'f32',
        model_filename: path,
      });
      expect(receipt.model_n_params).toBe(5776640);
      expect(receipt.model_sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(receipt.samples_ns).toHaveLength(2);
      expect(receipt.samples_bandwidth).toHaveLength(4);
      expect(receipt.build_commit).not.toBe('');
      expect(receipt.compiler).not.toBe('');
      expect(receipt.variants).toContain(receipt.variant);
      expect(Date.parse(receipt.test_time)).not.toBeNaN();
      for (const value of [receipt.avg_ns, receipt.avg_ts, receipt.median_ts, receipt.peak_rss_bytes])
        expect(value).toBeGreaterThan(0);
      expect(receipt.interval_ts[0]).toBeLessThanOrEqual(receipt.median_ts);
      expect(receipt.interval_ts[1]).toBeGreaterThanOrEqual(receipt.median_ts);
    }
    expect(receipts[0]).toMatchObject({ n_prompt: 9, n_gen: 0, bytes_per_token: null, percent_of_floor: null });
    expect(receipts[1]).toMatchObject({ n_prompt: 0, n_gen: 5 });
  });

  test('the floor is the bytes of a token over the bandwidth of the same run', () => {
    const { bytes_per_token, read_bandwidth, floor_ts, percent_of_floor, median_ts } = receipts[1];
    expect(floor_ts).toBeCloseTo((read_bandwidth as number) / (bytes_per_token as number), 6);
    expect(percent_of_floor).toBeCloseTo((100 * median_ts) / (floor_ts as number), 6);
  });

  test('the roofline is the lower of bandwidth and kernel rate, and what was reached is a share of it', () => {
    for (const { kernel_peak, samples_kernel_peak = [], roofline_ts, percent_of_roofline, median_ts } of receipts) {
      // Two tests of two repetitions, each between two visits for its own rows.
      expect(samples_kernel_peak).toHaveLength(4);
      expect(kernel_peak).toBe(Math.max(...samples_kernel_peak));
      expect(Math.min(...samples_kernel_peak)).toBeGreaterThan(0);
      expect(percent_of_roofline).toBeCloseTo((100 * median_ts) / (roofline_ts as number), 6);
    }
    expect(receipts[1].roofline_ts).toBeLessThanOrEqual(receipts[1].floor_ts as number);
    const size = modelSize(model);
    const test = { nPrompt: 0, nGen: 1, nDepth: 0, nParallel: 1 };
    const at = (bandwidth: number, macs: number): number =>
      rooflineOf(size, test, bandwidth, [{ rows: 1, macs, visits: [macs] }]).tokensPerSecond;
    const rest = size.weightBytes + size.positionBytes - size.ternaryBytes;
    expect(at(1e9, 1e15)).toBeCloseTo(1e9 / (rest + size.ternaryBytes), 6);
    expect(at(1e9, 1e6)).toBeCloseTo(1 / (rest / 1e9 + size.ternaryMacs / 1e6), 9);
    const prompt = { nPrompt: 64, nGen: 0, nDepth: 0, nParallel: 1 };
    expect(rooflineOf(size, prompt, 1e9, [{ rows: 64, macs: 1e9, visits: [1e9] }]).tokensPerSecond).toBeCloseTo(
      1e9 / size.ternaryMacs,
      6,
    );
  });

  test('several values give every combination, with the names of llama-bench', async () => {
    const many = await bench(model, {
      nPrompt: 4,
      nGen: [0, 3],
      promptGen: [[5, 2]],
      depth: [0, 8],
      parallel: [1, 2],
      repetitions: 1,
      warmup: false,
      threads: 1,
    });
    const names = ['pp4', 'tg3', 'tg3 x 2', 'pp5+tg2', 'pp5+tg2 x 2'];
    expect(many.map((r) => r.test)).toEqual([...names, ...names.map((name) => `${name} @ d8`)]);
    const pair = many.find((r) => r.test === 'pp5+tg2 x 2 @ d8') as Receipt;
    expect(pair).toMatchObject({ n_prompt: 5, n_gen: 2, n_depth: 8, n_parallel: 2, bytes_per_token: null });
    expect(pair.samples_ts[0]).toBeCloseTo((1e9 * 2 * 7) / pair.samples_ns[0], 6);
    // Alone, a test gives what it gave in turn with the others.
    const alone = await bench(model, { nPrompt: 4, nGen: 0, depth: 8, repetitions: 1, warmup: false, threads: 1 });
    expect(alone[0].logits_hash).toBe(many.find((r) => r.test === 'pp4 @ d8')?.logits_hash);
    expect(new Set(many.map((r) => r.logits_hash)).size).toBe(many.length);
    const file = join(directory, 'many.json');
    await writeFile(
      file,
      JSON.stringify(many.map((r) => ({ ...r, model_filename: path, model_sha256: receipts[0].model_sha256 }))),
    );
    const report = await verifyReceipt(file);
    expect(report.results.map((r) => [r.test, r.sameOutput])).toEqual(many.map((r) => [r.test, true]));
  }, 60_000);

  test('the bytes of a token, counted by hand', () => {
    const [layers, hidden, ffn, vocab, kv] = [6, 256, 768, 4096, 128];
    const rows = 2 * hidden + 2 * kv + 2 * ffn + hidden;
    const packed = (2 * hidden * hidden + 2 * kv * hidden + 3 * ffn * hidden) / 4;
    const norms = 4 * (layers * (3 * hidden + ffn) + hidden);
    const size = modelSize(model);
    expect(size.weightBytes).toBe(layers * (packed + 4 * rows) + norms + 2 * vocab * hidden + 2 * hidden);
    expect(size.positionBytes).toBe(2 * 4 * layers * kv);
    // Five tokens see 1, 2, 3, 4 and 5 positions: 3 in the mean.
    const test = { nPrompt: 0, nGen: 5, nDepth: 0, nParallel: 1 };
    expect(bytesPerToken(size, test)).toBe(size.weightBytes + 3 * size.positionBytes);
    // Four sequences share the weights; each reads its own positions.
    const four = { nPrompt: 2, nGen: 5, nDepth: 10, nParallel: 4 };
    expect(bytesPerToken(size, four)).toBe(size.weightBytes / 4 + 15 * size.positionBytes);
    expect(size.ternaryBytes).toBe(layers * (packed + 4 * rows));
    expect(size.ternaryMacs).toBe(4 * layers * packed);
  });

  test('statistics come from the samples', () => {
    const { avg_ts, median_ts, stddev_ts, samples_ts, avg_ns } = throughput(10, [1e9, 2e9, 5e9]);
    expect(samples_ts).toEqual([10, 5, 2]);
    expect(median_ts).toBe(5);
    expect(avg_ts).toBeCloseTo(17 / 3, 12);
    expect(stddev_ts).toBeCloseTo(Math.sqrt(((10 - 17 / 3) ** 2 + (5 - 17 / 3) ** 2 + (2 - 17 / 3) ** 2) / 2), 12);
    expect(avg_ns).toBeCloseTo(8e9 / 3, 3);
  });

  test('hashes do not depend on threads, and nothing stays allocated', async () => {
    const before = await settledBytes();
    const again = await bench(model, { nPrompt: 9, nGen: 5, repetitions: 1, warmup: false, threads: 2 });
    setThreads(1);
    expect(again.map((r) => [r.output_hash, r.logits_hash])).toEqual(
      receipts.map((r) => [r.output_hash, r.logits_hash]),
    );
    expect(again[0]).toMatchObject({ n_threads: 2, model_filename: '', model_sha256: null });
    expect(await settledBytes()).toBe(before);
  });

  test('are written, read back, and drawn', async () => {
    const file = await writeReceipt(join(directory, 'made', 'here'), receipts[1]);
    expect(await readReceipts(file)).toEqual([receipts[1]]);
    expect(await readdir(join(directory, 'made', 'here'))).toHaveLength(1);
    expect(() => receiptBars(receipts)).not.toThrow();
  });

  test('a rerun gives the same output and a ratio', async () => {
    const file = join(directory, 'all.json');
    await writeFile(file, JSON.stringify(receipts));
    const report = await verifyReceipt(file);
    expect(report.ok).toBe(true);
    expect(report.results.map((r) => [r.test, r.sameOutput, r.sameMachine])).toEqual([
      ['pp9', true, true],
      ['tg5', true, true],
    ]);
    for (const { ratio, then_ts, now_ts } of report.results) expect(ratio).toBeCloseTo(now_ts / then_ts, 12);
  });

  test('a receipt whose output cannot be had again is found out', async () => {
    const file = join(directory, 'changed.json');
    await writeFile(file, JSON.stringify({ ...receipts[1], logits_hash: 'f'.repeat(64) }));
    const report = await verifyReceipt(file);
    expect(report.ok).toBe(false);
    expect(report.results[0].sameOutput).toBe(false);
  });

  test('a receipt of another model is refused', async () => {
    const file = join(directory, 'other.json');
    await writeFile(file, JSON.stringify({ ...receipts[1], model_sha256: '0'.repeat(64) }));
    await expect(verifyReceipt(file)).rejects.toThrow(LoadError);
  });

  test.each([
    ['no JSON', 'rotor'],
    ['a list of something else', '[1]'],
    ['an object of something else', '{"receipt_version": 1}'],
    ['another version', '{"receipt_version": 2, "kind": "overhead", "n_threads": 1, "median_us": 1}'],
    ['nothing to run', '[]'],
  ])('a file with %s is a LoadError', async (name, text) => {
    const file = join(directory, `${name.replaceAll(' ', '-')}.json`);
    await writeFile(file, text);
    await expect(verifyReceipt(file)).rejects.toThrow(LoadError);
  });

  test('a missing file is a LoadError', async () => {
    await expect(verifyReceipt(join(directory, 'none.json'))).rejects.toThrow(/no file/);
  });
});

describe('bench', () => {
  test.each([
    ['a fraction', { nPrompt: 1.5 }],
    ['a negative count', { nGen: -1 }],
    ['no repetitions', { repetitions: 0 }],
    ['nothing to do', { nPrompt: 0, nGen: 0 }],
    ['an empty list', { threads: [] }],
    ['no sequence', { parallel: 0 }],
    ['a negative depth', { depth: [0, -1] }],
    ['a prompt of nothing before a generation', { promptGen: [[0, 4]] as [number, number][] }],
    ['an unknown option', { nPromt: 4 } as object],
  ])('%s is an OptionError', async (_, options) => {
    await expect(bench(model, options)).rejects.toThrow(OptionError);
  });

  test('more tokens than the context is a ContextError', async () => {
    await expect(bench(model, { nPrompt: 257 })).rejects.toThrow(ContextError);
    await expect(bench(model, { nPrompt: 8, nGen: 8, depth: 250 })).rejects.toThrow(ContextError);
    await expect(bench(model, { promptGen: [[200, 57]] })).rejects.toThrow(ContextError);
  });

  test('stops when its signal does and leaves nothing allocated', async () => {
    const before = await settledBytes();
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(new Error('enough'));
    await expect(bench(model, { nPrompt: 4, nGen: 4, signal: controller.signal, onProgress })).rejects.toThrow(
      'enough',
    );
    expect(await settledBytes()).toBe(before);
  });

  test('peaks: one per number of rows, nothing left allocated', async () => {
    const before = await settledBytes();
    const peaks = await measurePeaks([1, 8], 256, 1);
    expect(peaks.map((p) => p.rows)).toEqual([1, 8]);
    for (const { macs, visits } of peaks) {
      expect(macs).toBeGreaterThan(1e6);
      expect(visits).toEqual([macs]);
    }
    expect(await settledBytes()).toBe(before);
    expect(peakFor(peaks, 1)).toBe(peaks[0]);
    expect(peakFor(peaks, 7)).toBe(peaks[0]);
    expect(peakFor(peaks, 512)).toBe(peaks[1]);
    expect(peakFor([peaks[1]], 2)).toBe(peaks[1]);
  });

  test('overhead: three receipts with times above zero, nothing left allocated', async () => {
    const before = await settledBytes();
    const overhead = await benchOverhead({ samples: 3 });
    expect(overhead.map((r) => r.test)).toEqual([
      'overhead eager add',
      'overhead eager concat of 8',
      'overhead captured add',
    ]);
    for (const r of overhead) {
      expect(r.samples_us).toHaveLength(3);
      expect(r.median_us).toBeGreaterThan(0);
      expect(r.kind).toBe('overhead');
    }
    expect(await settledBytes()).toBe(before);
    await expect(benchOverhead({ samples: 0 })).rejects.toThrow(OptionError);
  });
});
