import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTensorBytes, readTensorValues } from '../../src/load/read-tensor';
import { openSafetensors } from '../../src/load/safetensors';
import { MODELS, rawFile, rejection, temporaryDirectory } from './fixtures';

// A header of 100,000 tensors takes a while on a busy machine.
jest.setTimeout(30_000);

const dir = temporaryDirectory();
let count = 0;

function file(bytes: Uint8Array): string {
  const path = join(dir, `case${count++}.safetensors`);
  writeFileSync(path, bytes);
  return path;
}

/** A header with one F32 tensor `a` of two elements; fields can be replaced. */
const one = (fields: object = {}) =>
  JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } });
const u8 = (ranges: Record<string, [number, number]>) =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(ranges).map(([name, [begin, end]]) => [
        name,
        { dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] },
      ]),
    ),
  );

describe('well-formed files', () => {
  it('reads the header of the bundled model without reading weights', async () => {
    const { tensors, bytes, metadata } = await openSafetensors(join(MODELS.tiny, 'model.safetensors'));
    expect(tensors.size).toBe(6 * 18 + 2);
    expect(bytes).toBe(3307564);
    expect(metadata).toEqual({ format: 'pt' });
    const q = tensors.get('model.layers.0.self_attn.q_proj.weight');
    expect(q).toMatchObject({ dtype: 'U8', shape: [64, 256], bytes: 64 * 256 });
    const ends = [...tensors.values()].map((entry) => entry.begin + entry.bytes);
    expect(Math.max(...ends)).toBe(bytes);
  });

  it.each([
    ['no tensors', '{}', 0, 0],
    ['spaces after the header', one() + '     ', 8, 1],
    ['a scalar', one({ shape: [], data_offsets: [0, 4] }), 4, 1],
    ['an empty tensor', one({ shape: [0, 4], data_offsets: [0, 0] }), 0, 1],
    ['empty tensors that share an offset', u8({ a: [0, 0], b: [0, 3], c: [3, 3], d: [3, 3] }), 3, 4],
    ['tensors that are not in order of their offsets', u8({ a: [3, 5], b: [0, 3] }), 5, 2],
    ['a name that is special in JavaScript', u8({ ['__proto__']: [0, 3] }), 3, 1],
    ['an escaped quote and a backslash in a name', u8({ 'a"\\': [0, 3], 'b,{': [3, 4] }), 4, 2],
  ])('accepts %s', async (_name, header, data, size) => {
    const { tensors } = await openSafetensors(file(rawFile(header, data)));
    expect(tensors.size).toBe(size);
  });

  it('reads values of every dtype that it decodes, at an unaligned offset', async () => {
    const header = JSON.stringify({
      pad: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
      half: { dtype: 'F16', shape: [5], data_offsets: [1, 11] },
      brain: { dtype: 'BF16', shape: [2], data_offsets: [11, 15] },
      single: { dtype: 'F32', shape: [2], data_offsets: [15, 23] },
      byte: { dtype: 'I8', shape: [2], data_offsets: [23, 25] },
    });
    const data = Buffer.alloc(25);
    data[0] = 7;
    [0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff].forEach((bits, i) => data.writeUInt16LE(bits, 1 + 2 * i));
    [0x3f80, 0xc049].forEach((bits, i) => data.writeUInt16LE(bits, 11 + 2 * i));
    [1.5, -0.25].forEach((value, i) => data.writeFloatLE(value, 15 + 4 * i));
    [-128, 127].forEach((value, i) => data.writeInt8(value, 23 + i));
    const { tensors } = await openSafetensors(file(rawFile(header, data)));
    const values = async (name: string) => [...(await readTensorValues(tensors.get(name)!))];
    expect(await values('pad')).toEqual([7]);
    expect(await values('half')).toEqual([1, -2, 2 ** -24, Infinity, 65504]);
    expect(await values('brain')).toEqual([1, -3.140625]);
    expect(await values('single')).toEqual([1.5, -0.25]);
    expect(await values('byte')).toEqual([-128, 127]);
  });

  it('refuses to decode a dtype that it does not know', async () => {
    const { tensors } = await openSafetensors(file(rawFile(one({ dtype: 'I64', shape: [1] }), 8)));
    const error = await rejection(readTensorValues(tensors.get('a')!));
    expect(error).toMatchObject({ name: 'DTypeError', code: 'ROTOR_DTYPE' });
    expect(error.message).toContain('received I64');
  });

  it('notices that a file was cut after its header was read', async () => {
    const path = file(rawFile(one(), 8));
    const { tensors } = await openSafetensors(path);
    truncateSync(path, 8 + one().length + 5);
    const error = await rejection(readTensorBytes(tensors.get('a')!));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD' });
    expect(error.message).toMatch(/expected 8 bytes .* received 5\. The file is truncated/);
  });
});

describe('hostile files', () => {
  const big = '9007199254740993';
  const cases: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(0), /at least 8 bytes, received a file of 0 bytes/],
    ['seven bytes', new Uint8Array(7), /received a file of 7 bytes/],
    ['a header longer than the file', rawFile('{}', 0, 3n), /a header length of 3/],
    ['a header length of 2^64 - 1', rawFile('{}', 0, 2n ** 64n - 1n), /a header length of 18446744073709551615/],
    ['a header length of 2^63', rawFile('{}', 100, 2n ** 63n), /a header length of 9223372036854775808/],
    ['a header of zero bytes', rawFile('', 4), /starts with "" instead of "\{"/],
    ['a header that is not UTF-8', rawFile(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), /not UTF-8/],
    ['a byte order mark', rawFile('\ufeff{}'), /starts with "\ufeff"/],
    ['a header that starts with a space', rawFile(' {}'), /starts with " "/],
    ['an array as header', rawFile('[]'), /starts with "\["/],
    ['a cut header', rawFile(one().slice(0, -3), 8), /not JSON/],
    ['garbage after the header', rawFile(one() + 'x', 8), /not JSON/],
    ['a NUL after the header', rawFile(one() + '\0', 8), /not JSON/],
    [
      'a key twice',
      rawFile(
        `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`,
        8,
      ),
      /the key "a" twice/,
    ],
    [
      'a key twice, once escaped',
      rawFile(
        `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`,
        3,
      ),
      /the key "a" twice/,
    ],
    [
      'a field twice',
      rawFile(`{"a":{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,8]}}`, 8),
      /the key "shape" twice/,
    ],
    ['a negative offset', rawFile(one({ data_offsets: [-8, 0] }), 8), /the number -8/],
    ['a negative zero', rawFile(one().replace('[0,8]', '[-0,8]'), 8), /the number -0/],
    ['a float in a shape', rawFile(one().replace('[2]', '[2.0]'), 8), /the number 2\.0/],
    ['an exponent in a shape', rawFile(one().replace('[2]', '[2e0]'), 8), /the number 2e0/],
    ['an integer beyond 2^53', rawFile(one().replace('[2]', `[${big}]`), 8), /a shape of at most 8 integers/],
    ['an offset that is a string', rawFile(one({ data_offsets: ['0', 8] }), 8), /two integers as data_offsets/],
    ['three offsets', rawFile(one({ data_offsets: [0, 4, 8] }), 8), /two integers as data_offsets, received \[0,4,8\]/],
    ['offsets in the wrong order', rawFile(one({ data_offsets: [8, 0] }), 8), /data_offsets in order/],
    ['truncated data', rawFile(one(), 7), /within 7 bytes of data, received \[0,8\]; is the file truncated\?/],
    [
      'a range that is too small for the shape',
      rawFile(one({ shape: [3] }), 8),
      /12 bytes \(F32 \[3\]\), received a range of 8 bytes/,
    ],
    [
      'a product that wraps in 64 bits',
      rawFile(one({ dtype: 'U8', shape: [4194305, 4194305, 211106198978564], data_offsets: [0, 4] }), 4),
      /received a range of 4 bytes/,
    ],
    ['2^51 float32', rawFile(one({ shape: [2 ** 51], data_offsets: [0, 0] })), /9007199254740992 bytes/],
    ['nine dimensions', rawFile(one({ shape: [2, 1, 1, 1, 1, 1, 1, 1, 1] }), 8), /a shape of at most 8 integers/],
    ['a shape that is a number', rawFile(one({ shape: 2 }), 8), /a shape of at most 8 integers, received 2/],
    [
      'no shape',
      rawFile(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 8),
      /a shape of at most 8 integers, received nothing/,
    ],
    ['an unknown dtype', rawFile(one({ dtype: 'F4' }), 8), /a dtype among BOOL, U8, .* received "F4"/],
    ['a dtype that is a property of every object', rawFile(one({ dtype: 'toString' }), 8), /received "toString"/],
    ['a tensor that is null', rawFile('{"a":null}'), /a dtype, a shape and data_offsets, received null/],
    ['an empty name', rawFile(u8({ '': [0, 1] }), 1), /a name of 1 to 1024 bytes, received 0 bytes/],
    ['a very long name', rawFile(u8({ ['n'.repeat(1025)]: [0, 1] }), 1), /received 1025 bytes/],
    ['an overlap', rawFile(u8({ a: [0, 4], b: [3, 6] }), 6), /"b" to begin .* an overlap of 1 bytes/],
    ['the same range twice', rawFile(u8({ a: [0, 4], b: [0, 4] }), 4), /an overlap of 4 bytes/],
    ['a gap', rawFile(u8({ a: [0, 4], b: [5, 6] }), 6), /"b" to begin .* a gap of 1 bytes/],
    ['a hole at the start', rawFile(u8({ a: [1, 4] }), 4), /a gap of 1 bytes/],
    ['bytes after the last tensor', rawFile(u8({ a: [0, 4] }), 6), /end with the last tensor, received 2 more bytes/],
    ['metadata that is not strings', rawFile('{"__metadata__":{"n":1}}'), /__metadata__ to be an object of strings/],
    ['metadata that is a list', rawFile('{"__metadata__":[]}'), /__metadata__ to be an object of strings/],
    [
      'more than 100,000 tensors',
      rawFile(u8(Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [`t${i}`, [0, 0]])))),
      /at most 100000 tensors/,
    ],
  ];

  it.each(cases)('refuses %s', async (_name, bytes, text) => {
    const path = file(bytes);
    const error = await rejection(openSafetensors(path));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD', op: 'openSafetensors', details: { path } });
    expect(error.message).toMatch(text);
    expect(error.message).toMatch(/^\[openSafetensors\] expected .*, received .* in .*\. The file is damaged/s);
  });

  it('survives a string that would overflow the stack of a regular expression', async () => {
    const error = await rejection(openSafetensors(file(rawFile(u8({ ['\n'.repeat(5_000_000)]: [0, 1] }), 1))));
    expect(error.message).toContain('received 5000000 bytes');
  });

  it('survives deep nesting', async () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(await rejection(openSafetensors(file(rawFile(deep))))).toMatchObject({ code: 'ROTOR_LOAD' });
  });

  it('says what is at the path when it is not a file', async () => {
    expect((await rejection(openSafetensors(join(dir, 'none')))).message).toMatch(
      /received nothing there\. Check the path/,
    );
    mkdirSync(join(dir, 'folder'), { recursive: true });
    expect((await rejection(openSafetensors(join(dir, 'folder')))).message).toContain('received a directory');
    expect((await rejection(openSafetensors('/dev/zero'))).message).toContain('received a special file');
  });

  it('answers every single-byte change of a header with a model or a LoadError', async () => {
    const good = readFileSync(join(MODELS.llama, 'model.safetensors'));
    const header = 8 + Number(good.readBigUInt64LE(0));
    let state = 1;
    const random = (n: number) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n;
    const path = join(dir, 'fuzz.safetensors');
    let refused = 0;
    for (let round = 0; round < 200; round++) {
      const bytes = Buffer.from(good);
      bytes[random(header)] = round % 2 === 0 ? random(256) : '0123456789-,:"{}[]e. '.charCodeAt(random(21));
      writeFileSync(path, bytes);
      await openSafetensors(path).then(
        ({ tensors }) => expect(tensors.size).toBeGreaterThan(0),
        (error: unknown) => {
          refused++;
          expect(error).toMatchObject({ code: 'ROTOR_LOAD' });
        },
      );
    }
    expect(refused).toBeGreaterThan(50);
  });
});
