import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const programs = ['rotor-cuda-faults-plain', 'rotor-cuda-faults-asan']
  .map((name) => join(__dirname, '../../build/Release', name))
  .filter((file) => existsSync(file));
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
jest.setTimeout(60_000);

/** What a program says of a kernel: "right", "wrong: …", "error: …", or the report of a sanitizer. */
function outcome(program: string, name: string, kind: 'good' | 'bad', seed: number): string {
  const { stdout, stderr, error } = spawnSync(program, [name, kind, String(seed)], {
    encoding: 'utf8',
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
  });
  if (error) throw error;
  return stdout + stderr;
}

/** How each planted fault shows: as a wrong result for some seed, or as an error for every one. */
const wrong = /^wrong: out\[\d+\] is -?\d+, not \d+/;
const faults: Record<string, { sometimes?: RegExp; always?: RegExp; asan?: RegExp }> = {
  exchange: { sometimes: wrong },
  exchangeInWarp: { sometimes: wrong },
  pairs: { always: wrong },
  absent: { always: /kernel .*absent.*__shfl_sync reads lane 16, which is not in its mask at faults\.cu:\d+/ },
  beyondShared: { always: /256 bytes of dynamic shared memory: written 0 bytes behind/, asan: /heap-buffer-overflow/ },
  beyondGlobal: { always: /256 bytes of device memory: written 0 bytes behind the end/, asan: /heap-buffer-overflow/ },
  unwritten: { always: /^wrong: out\[17\]/ },
  divergent: { always: /40 threads \(0,1,2,3,…\) wait in __syncthreads at faults\.cu:\d+; 24 of 64 have ended/ },
  twoBarriers: { always: /__syncthreads meets threads that wait in __syncthreads of line \d+/ },
  missingLane: { always: /31 threads \(0,1,2,4,…\) wait in __shfl_xor_sync .* with mask 0xffffffff/ },
  otherOperation: { always: /__s\w+ meets other lanes in __s\w+ at faults\.cu:\d+/ },
  copyInBackground: { sometimes: wrong },
  copyInGroups: { sometimes: wrong },
  misaligned: { asan: /misaligned address/ },
  consume: { sometimes: wrong },
  lastBlock: { sometimes: wrong },
};

const describeEach =
  programs.length > 0
    ? describe.each(programs)
    : describe.skip.each(['(skipped: run npm test, which builds the simulator)']);

describeEach('faults planted in kernels, %s', (program) => {
  test('the program has these', () => {
    const names = spawnSync(program, ['names'], { encoding: 'utf8' }).stdout.trim().split('\n');
    expect([...names].sort()).toEqual(Object.keys(faults).sort());
  });

  describe.each(Object.entries(faults))('%s', (name, fault) => {
    test('the kernel without the fault is right in every order', () => {
      for (const seed of seeds)
        expect({ seed, said: outcome(program, name, 'good', seed) }).toEqual({ seed, said: 'right\n' });
    });

    const asan = program.endsWith('-asan') ? fault.asan : undefined;
    const always = asan ?? fault.always;
    if (always)
      test('the fault shows in every order', () => {
        for (const seed of seeds) expect(outcome(program, name, 'bad', seed)).toMatch(always);
      });
    const { sometimes } = fault;
    if (sometimes)
      test('the fault shows in some order', () => {
        const said = seeds.map((seed) => outcome(program, name, 'bad', seed));
        expect(said.filter((text) => sometimes.test(text)).length).toBeGreaterThan(0);
        expect(said.filter((text) => !sometimes.test(text) && text !== 'right\n')).toEqual([]);
      });
  });
});
