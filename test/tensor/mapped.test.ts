import { mkdtempSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStats } from '../../src/native/device-info';
import { add } from '../../src/ops/binary';
import { call, runNative } from '../../src/ops/dispatch';
import { copyDef } from '../../src/ops/copy';
import { kvAppend_ } from '../../src/ops/kv';
import { capture } from '../../src/program/capture';
import { tensor, zeros } from '../../src/tensor/create';
import { isMappable, mapTensor, populate } from '../../src/tensor/mapped';

const dir = mkdtempSync(join(tmpdir(), 'rotor-map-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const COUNT = 5000;

/** A file of `lead` bytes and then 0, 1, 2, … as float32. */
function numbers(name: string, lead = 0): string {
  const path = join(dir, name);
  const values = Float32Array.from({ length: COUNT }, (_, i) => i);
  writeFileSync(path, Buffer.concat([Buffer.alloc(lead, 0xff), Buffer.from(values.buffer)]));
  return path;
}

function thrown(body: () => unknown): Error & { code?: string } {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
}

it.each([0, 4, 60, 4096, 8196])('reads a file from byte %i on', async (lead) => {
  const x = mapTensor(numbers('lead', lead), lead, [COUNT], 'f32');
  await populate([x]);
  const y = add(x, tensor(1));
  expect(Array.from(y.data())).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
  x.dispose();
  y.dispose();
});

it('maps an empty range', () => {
  const x = mapTensor(numbers('empty'), 4 * COUNT, [0], 'f32');
  expect(x.data()).toHaveLength(0);
  x.dispose();
});

it('counts mapped bytes apart from allocated ones, and gives them back', () => {
  const before = memoryStats();
  const x = mapTensor(numbers('counted'), 0, [COUNT], 'f32');
  expect(memoryStats()).toEqual({
    ...before,
    mappedBuffers: before.mappedBuffers + 1,
    mappedBytes: before.mappedBytes + 4 * COUNT,
  });
  x.dispose();
  expect(memoryStats()).toEqual(before);
});

it('goes on when the file was deleted', () => {
  const path = numbers('deleted');
  const x = mapTensor(path, 0, [COUNT], 'f32');
  unlinkSync(path);
  expect(x.data()[COUNT - 1]).toBe(COUNT - 1);
  x.dispose();
});

it('keeps a stray write to itself', () => {
  const path = numbers('private');
  const [x, y] = [mapTensor(path, 0, [COUNT], 'f32'), mapTensor(path, 0, [COUNT], 'f32')];
  x.data()[3] = -1;
  expect(x.data()[3]).toBe(-1);
  expect(y.data()[3]).toBe(3);
  x.dispose();
  y.dispose();
});

describe('refuses', () => {
  it('a file that is missing, a folder, and one that is too short', () => {
    const path = numbers('short');
    for (const [file, offset] of [
      [join(dir, 'nothing'), 0],
      [dir, 0],
      [path, 4],
      [path, 4 * COUNT + 4],
    ] as const) {
      expect(thrown(() => mapTensor(file, offset, [COUNT], 'f32'))).toMatchObject({ code: 'ROTOR_LOAD' });
    }
  });

  it('an offset between two elements', () => {
    expect(thrown(() => mapTensor(numbers('odd'), 2, [1], 'f32'))).toMatchObject({ code: 'ROTOR_OPTION' });
    expect([isMappable(2, 'bf16'), isMappable(2, 'f32'), isMappable(-4, 'f32'), isMappable(0.5, 'u8')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('to be written by an op, eager or captured', () => {
    const x = mapTensor(numbers('written'), 0, [1, 1, 50, 100], 'f32');
    const [row, slot, pos] = [zeros([1, 1, 100]), zeros([1], { dtype: 'i32' }), zeros([1], { dtype: 'i32' })];
    const eager = thrown(() => kvAppend_(x, row, slot, pos));
    expect(eager).toMatchObject({ code: 'ROTOR_NATIVE' });
    expect(eager.message).toMatch(/kv_append_\] input 0: expected memory that may be written.*Write into a copy/);
    const captured = thrown(() =>
      capture(() => {
        kvAppend_(x, row, slot, pos);
        return add(row, row);
      }),
    );
    expect(captured.message).toMatch(/may be written/);
    for (const t of [x, row, slot, pos]) t.dispose();
  });

  it('to be the output of an op', () => {
    const [x, y] = [zeros([COUNT]), mapTensor(numbers('output'), 0, [COUNT], 'f32')];
    expect(thrown(() => runNative(copyDef, [x], { shape: [COUNT] }, [y])).message).toMatch(/output 0.*may be written/);
    x.dispose();
    y.dispose();
  });
});

it('tells of a file that was cut short while in use, instead of ending the process', async () => {
  const path = numbers('cut');
  const x = mapTensor(path, 0, [COUNT], 'f32');
  const sound = tensor([1, 2, 3]);
  const program = capture(() => add(x, tensor(1)));
  truncateSync(path, 4096);
  const error = thrown(() => call(copyDef, [x], { shape: [COUNT] }));
  expect(error).toMatchObject({ code: 'ROTOR_LOAD' });
  expect(error.message).toMatch(/mapped from .*cut, received a file that was cut short while in use/);
  await expect(program.step()).rejects.toMatchObject({ code: 'ROTOR_LOAD' });
  // Others are not concerned, and the name may be mapped again.
  expect(add(sound, sound).toArray()).toEqual([2, 4, 6]);
  program.dispose();
  x.dispose();
  const again = mapTensor(numbers('cut'), 0, [COUNT], 'f32');
  expect(add(again, tensor(1)).data()[COUNT - 1]).toBe(COUNT);
  again.dispose();
});
