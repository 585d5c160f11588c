import type { OverheadReceipt, Receipt } from '../bench';
import { bench, benchOverhead, verifyReceipt, writeReceipt } from '../bench';
import { loadBitNet } from '../load/load-model';
import { setThreads } from '../native/device-info';
import { table } from '../program/format';
import type { Command, Context } from './command';
import type { Flag } from './flags';
import { cacheFlag, cacheOf, cacheOptions, commonFlags, deviceOf, modelFlags, statusLine } from './model-flags';
import { print, printJson } from './output';

const ownFlags: readonly Flag[] = [
  {
    name: 'n-prompt',
    short: 'p',
    value: 'N,N',
    help: 'tokens of the prompt tests; 0 leaves them out (default: 512, or the context)',
  },
  {
    name: 'n-gen',
    short: 'n',
    value: 'N,N',
    help: 'tokens of the generation tests; 0 leaves them out (default: 128, or the context)',
  },
  { name: 'pg', value: 'P,N', help: 'also a test of a prompt and a generation after it, in one time; may be repeated' },
  { name: 'n-depth', short: 'd', value: 'N,N', help: 'positions in the cache before each test (default: 0)' },
  { name: 'parallel', value: 'N,N', help: 'sequences that generate side by side (default: 1)' },
  cacheFlag,
  { name: 'repetitions', short: 'r', value: 'N', help: 'timed runs of each test (default: 5)' },
  { name: 'no-warmup', help: 'do not run each test once before timing' },
  { name: 'overhead', help: 'also measure what a call costs beside its arithmetic; works without --model' },
  { name: 'verify', value: 'FILE', help: 'run the receipts of this file again and compare' },
  { name: 'out', short: 'o', value: 'DIR', help: 'write every receipt to a file in this directory' },
];

/** `rotor bench`: measures, and measures again. */
export const benchCommand: Command = {
  name: 'bench',
  summary: 'measure tokens per second; write receipts and verify them',
  usage:
    'rotor bench --model PATH [-p 128,512] [-n 128] [-d 0,2048] [-t 1,2] [-r 5] [flags]\n       rotor bench --verify receipt.json [--model PATH]',
  flags: [...modelFlags.map(severalThreads), ...ownFlags, ...commonFlags],
  run,
};

// A benchmark may do without a model, and takes several numbers of threads.
function severalThreads(flag: Flag): Flag {
  const threads = flag.name === 'threads' ? { value: 'N,N', help: `${flag.help}; each is measured` } : {};
  return { ...flag, ...threads, required: false };
}

async function run(context: Context): Promise<number> {
  const { flags } = context;
  const file = flags.text('verify');
  if (file !== undefined) return verify(file, context);
  if (!flags.has('model') && !flags.has('overhead'))
    throw flags.fault('expected --model PATH, --overhead or --verify FILE, received none.');
  const threads = flags.list('threads')?.at(-1);
  if (threads !== undefined && !flags.has('model')) setThreads(threads);
  const command = commandLine(context.args);
  const receipts: (Receipt | OverheadReceipt)[] = flags.has('model') ? await measure(context, command) : [];
  if (flags.has('overhead')) receipts.push(...(await benchOverhead({ command })));
  const directory = flags.text('out');
  for (const receipt of directory === undefined ? [] : receipts) await writeReceipt(directory as string, receipt);
  if (flags.has('json')) await printJson(receipts);
  else await print(`${summary(receipts)}\n`);
  return 0;
}

async function measure({ flags, signal }: Context, command: string): Promise<Receipt[]> {
  const status = statusLine(flags);
  const tests = {
    nPrompt: flags.list('n-prompt'),
    nGen: flags.list('n-gen'),
    promptGen: flags.lists('pg')?.map((pair): [number, number] => {
      const [prompt, gen] = pair;
      if (pair.length === 2) return [prompt, gen];
      throw flags.fault(`expected two whole numbers for --pg, received "${pair.join(',')}".`);
    }),
    depth: flags.list('n-depth'),
    parallel: flags.list('parallel'),
    threads: flags.list('threads'),
    repetitions: flags.whole('repetitions', 1),
  };
  const path = flags.text('model') ?? '';
  const start = performance.now();
  const model = await loadBitNet(path, {
    device: deviceOf(flags),
    ...cacheOf(flags),
    signal,
    onProgress: ({ done, total }) => status.show(`Loading ${((100 * done) / total).toFixed(0)} %`),
  });
  try {
    return await bench(
      { model, path },
      {
        ...tests,
        ...cacheOptions(flags),
        warmup: !flags.has('no-warmup'),
        loadMs: performance.now() - start,
        command,
        signal,
        onProgress: ({ test, done, total }) => status.show(`${test}: run ${done + 1} of ${total}`),
      },
    );
  } finally {
    status.clear();
    model.dispose();
  }
}

async function verify(file: string, { flags, signal }: Context): Promise<number> {
  const status = statusLine(flags);
  const model = flags.text('model');
  const { ok, results } = await verifyReceipt(file, {
    ...(model === undefined ? {} : { model }),
    signal,
    onProgress: ({ test, done, total }) => status.show(`${test}: run ${done + 1} of ${total}`),
  });
  status.clear();
  if (flags.has('json')) await printJson({ ok, results });
  else {
    const rows = results.map((r) => [
      r.test,
      r.sameOutput ? 'same' : 'DIFFERENT',
      r.then_ts.toFixed(2),
      r.now_ts.toFixed(2),
      r.ratio.toFixed(3),
      r.sameMachine ? 'yes' : 'no',
    ]);
    await print(`${table(['test', 'output', 'then (tokens/s)', 'now (tokens/s)', 'ratio', 'same machine'], rows)}\n`);
  }
  return ok ? 0 : 1;
}

// What a reader can paste into a shell.
function commandLine(args: readonly string[]): string {
  const quoted = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`));
  return ['rotor', 'bench', ...quoted].join(' ');
}

function summary(receipts: readonly (Receipt | OverheadReceipt)[]): string {
  const parts: string[] = [];
  const models = receipts.filter((r): r is Receipt => r.kind === 'throughput');
  const calls = receipts.filter((r): r is OverheadReceipt => r.kind === 'overhead');
  const [first] = receipts;
  parts.push(`${first.cpu_info}, ${first.variant}, ${first.compiler}, commit ${first.build_commit.slice(0, 12)}`);
  if (models.length > 0) {
    const rows = models.map((r) => [
      r.test,
      String(r.n_threads),
      r.median_ts.toFixed(2),
      `${r.interval_ts[0].toFixed(2)} to ${r.interval_ts[1].toFixed(2)}`,
      `${r.avg_ts.toFixed(2)} ± ${r.stddev_ts.toFixed(2)}`,
      r.read_bandwidth === null ? '-' : (r.read_bandwidth / 1e9).toFixed(1),
      share(r.percent_of_floor),
      share(r.percent_of_roofline),
    ]);
    parts.push(`${models[0].model_type}, ${models[0].device}`);
    const head = [
      'test',
      'threads',
      'median tokens/s',
      '95 % interval',
      'mean',
      'read GB/s',
      '% of read floor',
      '% of roofline',
    ];
    parts.push(table(head, rows));
  }
  if (calls.length > 0) {
    const rows = calls.map((r) => [
      r.test,
      r.median_us.toFixed(3),
      `${r.interval_us[0].toFixed(3)} to ${r.interval_us[1].toFixed(3)}`,
    ]);
    parts.push(table(['test', 'median us', '95 % interval'], rows));
  }
  return parts.join('\n');
}

function share(percent: number | null | undefined): string {
  return typeof percent === 'number' ? percent.toFixed(1) : '-';
}
