import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const release = join(__dirname, '../../build/Release');
const programs = ['plain', 'asan']
  .map((kind) => join(release, `rotor-cuda-fragments-${kind}`))
  .filter((file) => existsSync(file));
const seeds = ['1', '2', '3', '4', '5', '6'];
jest.setTimeout(60_000);

function outcome(program: string, name: string, seed: string): string {
  const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' };
  const { stdout, stderr, error } = spawnSync(program, [name, seed], { encoding: 'utf8', env });
  if (error) throw error;
  return stdout + stderr;
}

const describeEach =
  programs.length > 0
    ? describe.each(programs)
    : describe.skip.each(['(skipped: run npm test, which builds the simulator)']);

describeEach('tensor-core instructions, %s', (program) => {
  test.each(['u8s8', 's8s8', 'b1', 'f16', 'wgmma'])('%s: fragments give the plain matrix product', (name) => {
    for (const seed of seeds) expect({ seed, said: outcome(program, name, seed) }).toEqual({ seed, said: 'right\n' });
  });
  test('sums that were not waited for are undefined', () => {
    for (const seed of seeds) expect(outcome(program, 'wgmmaWAIT', seed)).toMatch(/^wrong/);
  });
  test('a fence that is left out is an error', () => {
    for (const seed of seeds) expect(outcome(program, 'wgmmaFENCE', seed)).toMatch(/wgmma without a wgmmaFence\(\)/);
  });
  test('a matrix that other warps have not written yet gives wrong sums', () => {
    expect(seeds.map((seed) => outcome(program, 'wgmmaBARRIER', seed)).join('')).toMatch(/wrong/);
  });
});
