import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openSafetensors } from '../../src/load/safetensors';
import { readTensorValues } from '../../src/load/read-tensor';
import { loadModel } from '../../src/language-model';
import { modelPath, rotor, rotorJson } from './run-cli';

interface Golden {
  cases: { ids: number[]; text: string; greedy64: number[] }[];
}
const golden = JSON.parse(readFileSync(join(modelPath, 'golden', 'golden.json'), 'utf8')) as Golden;
const [first] = golden.cases;
const onTiny = ['--model', modelPath];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rotor-cli-'));
});
afterAll(() => rm(directory, { recursive: true }));

jest.setTimeout(60_000);

interface Generated {
  ids: number[];
  text: string;
  finishReason: string;
  timings: Record<string, number>;
  usage: { promptTokens: number; cachedTokens: number };
}

describe('rotor generate', () => {
  test('the ids of the golden on the reference device', async () => {
    const args = [
      'generate',
      ...onTiny,
      '--ids',
      first.ids.join(','),
      '--max-tokens',
      '6',
      '--temperature',
      '0',
      '--ignore-eos',
    ];
    const result = await rotorJson<Generated>([...args, '--device', 'reference']);
    expect(result.ids).toEqual(first.greedy64.slice(0, 6));
    expect(result.finishReason).toBe('length');
    expect(result.text).toBe(' of the last 2 years');
    expect(result.timings.predictedMs).toBeGreaterThan(0);
  });

  test('a prompt begins with the BOS token once, and one or two threads give the same', async () => {
    const args = [
      'generate',
      ...onTiny,
      '--prompt',
      'In the beginning',
      '--max-tokens',
      '16',
      '--temperature',
      '0',
      '--ignore-eos',
    ];
    const one = await rotorJson<Generated>([...args, '--threads', '1']);
    const two = await rotorJson<Generated>([...args, '--threads', '2']);
    expect(one.usage.promptTokens).toBe(first.ids.length);
    expect(one.ids).toHaveLength(16);
    expect([two.ids, two.text]).toEqual([one.ids, one.text]);
  });

  test('the text goes to standard output, nothing else anywhere', async () => {
    const args = ['generate', ...onTiny, '--prompt', 'In the beginning', '--max-tokens', '8', '--seed', '7'];
    const plain = await rotor(args);
    const { text } = await rotorJson<Generated>(args);
    expect(plain).toEqual({ code: 0, stdout: `${text}\n`, stderr: '' });
  });

  test('stop text is cut off', async () => {
    const args = ['generate', ...onTiny, '--prompt', 'In the beginning', '--max-tokens', '16', '--temperature', '0'];
    const whole = await rotorJson<Generated>(args);
    const stop = whole.text.slice(8, 12);
    const cut = await rotorJson<Generated>([...args, '--stop', stop]);
    expect(cut).toMatchObject({ finishReason: 'stop', text: whole.text.slice(0, whole.text.indexOf(stop)) });
  });

  test('Ctrl-C while text comes: ends with 130', async () => {
    const run = await rotor(
      ['generate', ...onTiny, '--ids', first.ids.join(','), '-n', '200', '--ignore-eos', '--device', 'reference'],
      {
        onStart: (child) => child.stdout?.once('data', () => child.kill('SIGINT')),
      },
    );
    expect(run.code).toBe(130);
    expect(run.stdout.length).toBeGreaterThan(1);
  });

  test('Ctrl-C with --json: still one object, with finishReason abort', async () => {
    const args = [
      'generate',
      ...onTiny,
      '--ids',
      first.ids.join(','),
      '-n',
      '250',
      '--ignore-eos',
      '--device',
      'reference',
      '--json',
    ];
    const run = await rotor(args, { onStart: (child) => setTimeout(() => child.kill('SIGINT'), 3000) });
    expect(run.code).toBe(130);
    const result = JSON.parse(run.stdout) as Generated;
    expect(result.finishReason).toBe('abort');
    expect(result.ids).toEqual(
      first.greedy64.concat(result.ids.slice(first.greedy64.length)).slice(0, result.ids.length),
    );
  });

  test('a reader that closes early is no error', async () => {
    const run = await rotor(['generate', ...onTiny, '--prompt', 'In', '-n', '200', '--ignore-eos'], {
      onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
    });
    expect(run).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('rotor inspect', () => {
  test('writes the values that the library sees, in float32', async () => {
    const out = join(directory, 'taps.safetensors');
    const taps = 'hook_embed,blocks.0.attn.q.hook_in_q8,blocks.*.hook_resid_post';
    const printed = await rotorJson<{ tensors: { name: string; shape: number[] }[] }>([
      ...['inspect', ...onTiny, '--ids', first.ids.join(',')],
      ...['--taps', taps, '--out', out],
    ]);
    const { tensors } = await openSafetensors(out);
    expect([...tensors.keys()].sort()).toEqual(printed.tensors.map(({ name }) => name).sort());
    expect(tensors.size).toBe(9);
    const model = await loadModel(modelPath);
    const { logits, cache } = model.runWithCache(first.ids, { namesFilter: taps.split(',') });
    for (const [name, value] of [['logits', logits] as const, ...cache.entries()]) {
      const entry = tensors.get(name);
      expect(entry).toMatchObject({ dtype: 'F32', shape: value.shape });
      expect(Array.from(await readTensorValues(entry as NonNullable<typeof entry>))).toEqual(
        Array.from(value.toFloat64Array()),
      );
    }
    cache.dispose();
    logits.dispose();
    model.dispose();
  });

  test('all logits without taps', async () => {
    const out = join(directory, 'logits.safetensors');
    const run = await rotor(['inspect', ...onTiny, '--prompt', 'In the beginning', '--out', out]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect((await openSafetensors(out)).tensors.get('logits')?.shape).toEqual([4, 4096]);
  });
});

describe('rotor bench', () => {
  test('receipts with the keys of llama-bench, which verify', async () => {
    const args = ['bench', ...onTiny, '-p', '6', '-n', '4', '-t', '1', '-r', '2'];
    const receipts = await rotorJson<Record<string, unknown>[]>([...args, '--out', directory]);
    expect(receipts.map((r) => [r.n_prompt, r.n_gen, r.n_threads])).toEqual([
      [6, 0, 1],
      [0, 4, 1],
    ]);
    for (const receipt of receipts) {
      for (const key of ['avg_ts', 'stddev_ts', 'median_ts', 'avg_ns', 'stddev_ns', 'model_size', 'model_n_params']) {
        expect(typeof receipt[key]).toBe('number');
      }
      expect(receipt.samples_ts).toHaveLength(2);
      expect(String(receipt.command)).toMatch(/^rotor bench --model .* -p 6 -n 4 -t 1 -r 2/);
    }
    const file = join(directory, 'receipts.json');
    await writeFile(file, JSON.stringify(receipts));
    expect(await rotorJson<{ ok: boolean }>(['bench', '--verify', file])).toMatchObject({ ok: true });
    await writeFile(file, JSON.stringify({ ...receipts[1], output_hash: 'f'.repeat(64) }));
    const refused = await rotor(['bench', '--verify', file]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('DIFFERENT');
  });

  test('the overhead of a call needs no model', async () => {
    const receipts = await rotorJson<{ test: string; median_us: number }[]>(['bench', '--overhead', '-t', '1']);
    expect(receipts).toHaveLength(3);
    for (const { median_us } of receipts) expect(median_us).toBeGreaterThan(0);
  });
});

describe('rotor chat and info', () => {
  test('every line of piped input gets an answer', async () => {
    const run = await rotor(['chat', ...onTiny, '-n', '5', '--temperature', '0', '--json'], {
      input: 'Hello\n\n/reset\nHello\n/exit\nNo\n',
    });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const answers = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Generated);
    expect(answers).toHaveLength(2);
    expect(answers[1].ids).toEqual(answers[0].ids);
  });

  test('a turn runs only what is new in it, and answers as if it had run all', async () => {
    const flags = ['chat', ...onTiny, '-n', '6', '--json'];
    const answersTo = async (input: string): Promise<Generated[]> => {
      const { stdout } = await rotor(flags, { input });
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Generated);
    };
    const both = await answersTo('Hello\nAnd then?\n');
    expect(both[0].usage).toMatchObject({ cachedTokens: 0 });
    const { promptTokens, cachedTokens } = both[1].usage;
    expect(cachedTokens).toBeGreaterThan(both[0].usage.promptTokens - 1);
    expect(cachedTokens).toBeLessThan(promptTokens);
    const [again] = await answersTo('Hello\n');
    expect(again.ids).toEqual(both[0].ids);
  });

  test('devices and variants, for programs and for people', async () => {
    const info = await rotorJson<{
      version: string;
      devices: { name: string; variant: string; variants?: string[] }[];
    }>(['info']);
    expect(info.devices.map(({ name }) => name)).toEqual(['cpu', 'reference', 'cuda']);
    expect(info.devices[0].variants).toContain(info.devices[0].variant);
    const { version } = JSON.parse(await readFile(join(__dirname, '..', '..', 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await rotor(['info', ...onTiny])).stdout).toMatch(new RegExp(`^rotor ${version}`));
    expect((await rotor(['--version'])).stdout.trim()).toBe(version);
  });
});

describe('what goes wrong', () => {
  test('a forced variant that is missing is an error', async () => {
    const run = await rotor(['info'], { env: { ROTOR_CPU: 'abacus' } });
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('abacus');
  });

  test.each([
    ['no command', [], 2, /expected a command/],
    ['an unknown command', ['genrate'], 2, /Did you mean "generate"/],
    ['an unknown flag', ['generate', '--max-token', '3'], 2, /Did you mean --max-tokens/],
    ['no model', ['generate', '--prompt', 'x'], 2, /expected --model PATH/],
    ['no prompt', ['generate', ...onTiny], 2, /either --prompt or --ids/],
    ['prompt and ids', ['generate', ...onTiny, '--prompt', 'x', '--ids', '1'], 2, /received both/],
    ['ids that are none', ['generate', ...onTiny, '--ids', '1,x'], 2, /--ids/],
    ['an id outside the vocabulary', ['generate', ...onTiny, '--ids', '99999'], 2, /99999/],
    ['an empty prompt', ['generate', ...onTiny, '--prompt', ''], 2, /empty prompt/],
    ['a value that is no number', ['generate', ...onTiny, '--prompt', 'x', '--temperature', 'hot'], 2, /--temperature/],
    ['a value out of range', ['generate', ...onTiny, '--prompt', 'x', '--top-p', '2'], 2, /topP/],
    ['a missing value', ['bench', ...onTiny, '-p'], 2, /after -p/],
    ['a value for a switch', ['info', '--json=yes'], 2, /no value for --json/],
    ['a word too many', ['info', 'cpu'], 2, /flags only/],
    [
      'an unknown device',
      ['generate', ...onTiny, '--prompt', 'x', '--device', 'gpu'],
      2,
      /cuda:1 and so on, or reference/,
    ],
    ['an unknown tap', ['inspect', ...onTiny, '--ids', '1', '--taps', 'hook_embd', '--out', 'x'], 2, /hook_embed/],
    ['nothing to bench', ['bench'], 2, /--overhead/],
    ['a missing model', ['generate', '--model', 'nowhere', '--prompt', 'x'], 1, /nothing there/],
    ['a context that is too short', ['generate', ...onTiny, '--prompt', 'x', '-n', '9999'], 1, /256/],
    [
      'a directory to write to that is missing',
      ['inspect', ...onTiny, '--ids', '1', '--out', '/nowhere/x'],
      1,
      /nowhere/,
    ],
    ['a missing receipt', ['bench', '--verify', 'none.json'], 1, /none.json/],
  ])('%s', async (_, args, code, text) => {
    const run = await rotor(args);
    expect({ code: run.code, stdout: run.stdout }).toEqual({ code, stdout: '' });
    expect(run.stderr).toMatch(text);
    expect(run.stderr).not.toMatch(/\n\s+at /);
  });

  test('ROTOR_DEBUG=1 shows the stack', async () => {
    const run = await rotor(['generate', '--model', 'nowhere', '--prompt', 'x'], { env: { ROTOR_DEBUG: '1' } });
    expect(run.stderr).toMatch(/\n\s+at /);
  });

  test.each(['generate', 'chat', 'inspect', 'bench', 'info'])('%s --help', async (command) => {
    const run = await rotor([command, '--help']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain(`rotor ${command}`);
    expect(run.stdout).toContain('--json');
  });
});
