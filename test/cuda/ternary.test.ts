import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describeCuda, simDevice } from './device';

interface Shape {
  readonly tokens: number;
  readonly rows: number;
  readonly cols: number;
  readonly code?: number;
  readonly weight?: number;
}

const shape = (tokens: number, rows: number, cols: number): Shape => ({ tokens, rows, cols });

function run(kernel: string, shapes: readonly Shape[], arch = '90'): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(__dirname, 'ternary-kernel.cjs'), simDevice, JSON.stringify(shapes)],
    { encoding: 'utf8', env: { ...process.env, ROTOR_CUDA_KERNEL: kernel, ROTOR_SIM_ARCH: arch } },
  );
  return { status, text: stdout + stderr };
}

const widths = [1, 7, 45, 255, 256, 257, 700, 1291, 2999];
const few = [1, 2, 3, 4].flatMap((tokens) => widths.map((cols) => shape(tokens, 17 + tokens, cols)));
const some = [5, 8, 9, 16, 23, 24, 31, 33, 40].flatMap((tokens) => [shape(tokens, 37, 700), shape(tokens, 5, 1291)]);
const many = [63, 65, 130].map((tokens) => shape(tokens, 145, 300));
const tall = [shape(1, 300, 600), shape(4, 130, 2560), shape(6, 270, 513)];

/** The largest sums there are. */
const extremes = (tokens: readonly number[], cols: number): Shape[] =>
  tokens.flatMap((t) => [1, -1].map((weight) => ({ ...shape(t, 2, cols), code: -128, weight })));

const upTo = (most: number, shapes: readonly Shape[]): Shape[] => shapes.filter(({ tokens }) => tokens <= most);

// Every kernel that may compute a ternary product, on shapes of its own and of others, gives the bits of the cpu.
describeCuda('ternary kernels on a simulated GPU', () => {
  test.each([
    ['b1', [...upTo(4, [...few, ...tall]), ...extremes([1, 2], 65536), ...extremes([4], 40000)]],
    ['imma', [...upTo(40, [...few, ...some, ...tall]), ...extremes([1, 17], 65536)]],
    ['wgmma', [shape(1, 18, 45), shape(66, 20, 1291), ...many, ...upTo(6, tall), ...extremes([1], 65536).slice(0, 1)]],
    ['mma', [shape(1, 18, 45), shape(33, 20, 1291), ...many, ...upTo(6, tall), ...extremes([1], 65536).slice(1)]],
    ['dp4a', [...few, ...some, ...many, ...extremes([3], 65536)]],
  ] as const)('%s', (kernel, shapes) => {
    expect(run(kernel, shapes)).toEqual({ status: 0, text: '' });
  });

  test.each([
    ['b1', 5, '90'],
    ['imma', 41, '90'],
    ['wgmma', 70, '80'],
    ['wgmma', 70, '100'],
  ])('%s refuses %d rows on sm_%s', (kernel, tokens, arch) => {
    const { status, text } = run(kernel, [shape(tokens, 3, 8)], arch);
    expect(status).not.toBe(0);
    expect(text).toContain('UnsupportedError');
    expect(text).toContain(`received ${tokens} rows of 8 columns`);
  });

  test('the name of a kernel that does not exist says which do', () => {
    const { status, text } = run('b2', [shape(1, 3, 8)]);
    expect(status).not.toBe(0);
    expect(text).toContain('b1, imma, wgmma, mma, dp4a');
  });
});
