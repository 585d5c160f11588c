import { CaptureError, DisposedError } from '../../src/native/errors';
import { add } from '../../src/ops/binary';
import { capture } from '../../src/program/capture';
import { withTaps } from '../../src/program/tap';
import { tensor } from '../../src/tensor/create';
import { scope } from '../../src/tensor/scope';

describe.each(['cpu', 'reference'] as const)('capture on %s', (device) => {
  const chain = () => {
    const x = tensor([1, 2, 3], { device });
    const one = tensor([1], { device });
    const program = capture(() =>
      scope(() => {
        let y = x;
        for (let i = 0; i < 10; i++) y = add(y, one);
        return y;
      }),
    );
    return { x, program };
  };

  test('computes nothing until it is stepped, then what eager computes', async () => {
    const { x, program } = chain();
    await program.step();
    expect(program.outputs.toArray()).toEqual([11, 12, 13]);
    x.data()[0] = 5; // inputs are read where they are, each time
    program.stepSync();
    expect(program.outputs.toArray()).toEqual([15, 12, 13]);
    program.dispose();
  });

  test('keeps its inputs alive, and lets go of them when disposed', () => {
    const { x, program } = chain();
    x.dispose();
    program.stepSync();
    expect(program.outputs.toArray()).toEqual([11, 12, 13]);
    program.dispose();
    expect(() => program.stepSync()).toThrow(DisposedError);
    expect(() => program.outputs.data()).toThrow(DisposedError);
  });

  test('reading a value while capturing is an error that names the op', () => {
    const x = tensor([1], { device });
    expect(() =>
      capture(() => {
        const y = add(x, x);
        y.item();
        return y;
      }),
    ).toThrow(/"add"/);
    expect(() =>
      capture(() => {
        const y = add(x, x);
        y.item();
        return y;
      }),
    ).toThrow(CaptureError);
  });

  test('hooks around a captured program are an error, not silence', () => {
    const { program } = chain();
    const listener = { wants: () => true, tap: <T>(_name: string, value: T): T => value };
    expect(() => withTaps(listener, () => program.stepSync())).toThrow(CaptureError);
  });
});

test('temporaries share memory', () => {
  const x = tensor(new Float32Array(1000));
  const program = capture(() => {
    let y = x;
    for (let i = 0; i < 50; i++) y = add(y, x);
    return y;
  });
  expect(program.bytes).toBeLessThan(4 * 4096);
});

test('nothing to record, and a capture in a capture, are errors', () => {
  const x = tensor([1]);
  expect(() => capture(() => x)).toThrow(CaptureError);
  expect(() => capture(() => capture(() => add(x, x)).outputs)).toThrow(CaptureError);
});

test('prints, profiles and diffs itself', async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const program = capture(() => add(add(x, x), x));
  expect(String(program)).toMatch(/2 records on cpu.*\n.*\n0 {2}add {2}f32\[2x2\], f32\[2x2\] -> f32\[2x2\] {2}\s*48/);
  const profile = await program.profile({ repeats: 3, bandwidth: 1e10 });
  expect(profile.rows).toHaveLength(2);
  expect(profile.byOp()[0]).toMatchObject({ op: 'add', calls: 2 });
  // A peak below what the bytes allow is what counts; another op's, or none, is no limit.
  const [{ ops, bytes }] = profile.rows;
  const slow = await program.profile({ bandwidth: 1e10, peaks: [{ op: 'add', rows: 1, opsPerSecond: 1e3 }] });
  expect(slow.rows[0].percentOfRoofline).toBeCloseTo((100 * 1e6 * (ops / 1e3)) / slow.rows[0].us, 6);
  const other = await program.profile({ bandwidth: 1e10, peaks: [{ op: 'mul', rows: 1, opsPerSecond: 1e3 }] });
  expect(other.rows[0].percentOfRoofline).toBeCloseTo((100 * 1e6 * (bytes / 1e10)) / other.rows[0].us, 6);
  const diff = program.diff('reference');
  expect(diff.ok).toBe(true);
  expect(diff.rows).toHaveLength(2);
});
