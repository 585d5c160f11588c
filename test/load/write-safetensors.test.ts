import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTensorValues } from '../../src/load/read-tensor';
import { openSafetensors } from '../../src/load/safetensors';
import type { SafetensorsEntry } from '../../src/load/write-safetensors';
import { writeSafetensors } from '../../src/load/write-safetensors';
import { rejection, temporaryDirectory } from './fixtures';

const dir = temporaryDirectory();
const entry = (fields: Partial<SafetensorsEntry> = {}): SafetensorsEntry => ({
  name: 'x',
  dtype: 'f32',
  shape: [2],
  data: new Float32Array(2),
  ...fields,
});

describe('writeSafetensors', () => {
  it('writes what the reader reads, every tensor aligned', async () => {
    const path = join(dir, 'all.safetensors');
    const backing = new Float32Array([9, 1, -2, 3.5]);
    await writeSafetensors(
      path,
      [
        entry({ name: 'codes', dtype: 'i8', shape: [3], data: new Int8Array([-128, 0, 127]) }),
        entry({ name: 'view', shape: [3, 1], data: backing.subarray(1) }),
        entry({ name: 'bits', dtype: 'bf16', shape: [1], data: new Uint16Array([0xbf80]) }),
        entry({ name: 'sums', dtype: 'i32', shape: [], data: new Int32Array([-(2 ** 31)]) }),
        entry({ name: 'rounded', shape: [1], data: new Float64Array([0.1]) }),
        entry({ name: 'flags', dtype: 'bool', shape: [2], data: new Uint8Array([1, 0]) }),
        entry({ name: 'none', dtype: 'u8', shape: [0, 7], data: new Uint8Array(0) }),
      ],
      { made_by: 'rotor "test"' },
    );
    const { tensors, metadata } = await openSafetensors(path);
    const values = async (name: string) => [...(await readTensorValues(tensors.get(name)!))];
    expect(metadata).toEqual({ made_by: 'rotor "test"' });
    expect(await values('codes')).toEqual([-128, 0, 127]);
    expect(await values('view')).toEqual([1, -2, 3.5]);
    expect(await values('bits')).toEqual([-1]);
    expect(await values('sums')).toEqual([-(2 ** 31)]);
    expect(await values('rounded')).toEqual([Math.fround(0.1)]);
    expect(await values('flags')).toEqual([1, 0]);
    expect(tensors.get('none')).toMatchObject({ shape: [0, 7], bytes: 0 });
    expect(tensors.get('view')).toMatchObject({ shape: [3, 1], dtype: 'F32' });
    for (const { name, dtype, begin } of tensors.values()) {
      const width = { F32: 4, I32: 4, BF16: 2 }[dtype as string] ?? 1;
      expect([name, begin % width]).toEqual([name, 0]);
    }
  });

  it('writes an empty file and replaces an earlier one', async () => {
    const path = join(dir, 'replaced.safetensors');
    writeFileSync(path, 'old');
    await writeSafetensors(path, []);
    expect((await openSafetensors(path)).tensors.size).toBe(0);
  });

  it.each<[string, SafetensorsEntry[], RegExp]>([
    ['a name twice', [entry(), entry()], /expected different names, received this one twice, for the tensor "x"/],
    ['no name', [entry({ name: '' })], /expected a tensor name/],
    ['the name of the metadata', [entry({ name: '__metadata__' })], /expected a tensor name/],
    ['too few values', [entry({ shape: [3] })], /expected 3 values for shape \[3\], received 2/],
    [
      'an array of another type',
      [entry({ data: new Int32Array(2) })],
      /Float32Array or Float64Array for f32, received Int32Array/,
    ],
    ['an unknown dtype', [entry({ dtype: 'f8' as 'f32' })], /a dtype among f32, .* received f8/],
  ])('refuses %s and writes nothing', async (_name, entries, text) => {
    const path = join(dir, 'refused.safetensors');
    const error = await rejection(writeSafetensors(path, entries));
    expect(error).toMatchObject({ name: 'OptionError', code: 'ROTOR_OPTION', op: 'writeSafetensors' });
    expect(error.message).toMatch(text);
    expect(existsSync(path)).toBe(false);
  });

  it('leaves no part of a file behind', async () => {
    const error = await rejection(writeSafetensors(join(dir, 'missing', 'x.safetensors'), [entry()]));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD' });
    expect(error.message).toContain('received ENOENT. Check that the directory exists');
    const taken = join(dir, 'taken');
    mkdirSync(join(taken, 'x.safetensors'), { recursive: true });
    expect(await rejection(writeSafetensors(join(taken, 'x.safetensors'), [entry()]))).toMatchObject({
      code: 'ROTOR_LOAD',
    });
    expect(readdirSync(taken)).toEqual(['x.safetensors']);
  });
});
