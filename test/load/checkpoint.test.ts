import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/load/checkpoint';
import { MODELS, rejection, temporaryDirectory, writeFake } from './fixtures';

const dir = temporaryDirectory();
let count = 0;
const A = { dtype: 'F32', shape: [2] };
const B = { dtype: 'U8', shape: [3] };

/** A model in two shards, with the index as given. */
function sharded(weightMap: unknown): string {
  const path = join(dir, `model${count++}`);
  mkdirSync(path);
  writeFake(join(path, 'model-00001-of-00002.safetensors'), { a: A });
  writeFake(join(path, 'model-00002-of-00002.safetensors'), { b: B });
  writeFileSync(join(path, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
  return path;
}

const ONE = 'model-00001-of-00002.safetensors';
const TWO = 'model-00002-of-00002.safetensors';

describe('openCheckpoint', () => {
  it('opens a single file', async () => {
    const checkpoint = await openCheckpoint(MODELS.tiny);
    expect(checkpoint.tensors.size).toBe(110);
    expect(checkpoint.files).toEqual([{ path: join(MODELS.tiny, 'model.safetensors'), bytes: 3307564 }]);
    expect(checkpoint.totalBytes).toBeGreaterThan(3_290_000);
    expect(checkpoint.totalBytes).toBeLessThan(3307564);
  });

  it('opens a file by its own path', async () => {
    expect((await openCheckpoint(join(MODELS.llama, 'model.safetensors'))).tensors.size).toBe(35);
  });

  it('opens shards', async () => {
    const path = sharded({ a: ONE, b: TWO });
    const checkpoint = await openCheckpoint(path);
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['a', 'b']);
    expect(checkpoint.tensors.get('b')).toMatchObject({ file: join(path, TWO), dtype: 'U8', bytes: 3 });
    expect(checkpoint.totalBytes).toBe(11);
    expect(checkpoint.files).toHaveLength(2);
  });

  it('follows a link to a file, as in the Hugging Face cache', async () => {
    const path = join(dir, 'linked');
    mkdirSync(path);
    symlinkSync(join(MODELS.llama, 'model.safetensors'), join(path, 'model.safetensors'));
    expect((await openCheckpoint(path)).tensors.size).toBe(35);
  });

  it.each([
    ['a parent directory', { a: '../model.safetensors' }],
    ['a directory', { a: 'sub/model.safetensors' }],
    ['a Windows path', { a: '..\\model.safetensors' }],
    ['an absolute path', { a: '/etc/model.safetensors' }],
    ['another format', { a: 'pytorch_model.bin' }],
    ['a hidden file', { a: '.safetensors' }],
    ['a number', { a: 1 }],
    ['a NUL', { a: 'a\0.safetensors' }],
  ])('refuses %s as a shard', async (_name, map) => {
    const error = await rejection(openCheckpoint(sharded(map)));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD', op: 'openCheckpoint' });
    expect(error.message).toMatch(/expected shards with plain names .*index\.json\. Fetch the index/s);
  });

  it.each([
    [
      'a missing shard',
      { a: ONE, b: TWO, c: 'model-00003-of-00003.safetensors' },
      /00003\.safetensors, received nothing there/,
    ],
    ['a tensor in no shard', { a: ONE, b: TWO, c: TWO }, /expected c in model-00002.*, received a shard without it/],
    ['a tensor in another shard', { a: TWO, b: TWO }, /expected a in model-00002.*, received a shard without it/],
    [
      'a tensor that the index lacks',
      { a: ONE, c: TWO },
      /the index to say that b is in model-00002.*, received no such entry/,
    ],
    ['an empty map', {}, /a weight_map from tensor names to file names/],
    ['a list as map', [], /a weight_map from tensor names to file names, received an array of 0/],
    ['no map', undefined, /a weight_map .* received none/],
  ])('refuses %s', async (_name, map, text) => {
    const error = await rejection(openCheckpoint(sharded(map)));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD' });
    expect(error.message).toMatch(text);
  });

  it('says what is missing', async () => {
    const gone = await rejection(openCheckpoint(join(dir, 'gone')));
    expect(gone).toMatchObject({ name: 'LoadError', op: 'openCheckpoint' });
    expect(gone.message).toMatch(/expected a model directory at .*gone, received nothing there/);
    const empty = join(dir, 'empty');
    mkdirSync(empty);
    expect((await rejection(openCheckpoint(empty))).message).toMatch(
      /expected model\.safetensors or .*index\.json in .*, received neither/,
    );
  });

  it.each(['pytorch_model.bin', 'ggml-model-i2_s.gguf'])('does not load %s', async (name) => {
    const path = join(dir, `other${count++}`);
    mkdirSync(path);
    writeFileSync(join(path, name), 'x');
    const error = await rejection(openCheckpoint(path));
    expect(error).toMatchObject({ name: 'UnsupportedError', code: 'ROTOR_UNSUPPORTED', details: { found: name } });
    expect(error.message).toContain(`received ${name}. Convert the weights to safetensors.`);
  });
});
