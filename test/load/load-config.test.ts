import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/load/load-config';
import { MODELS, rejection, temporaryDirectory } from './fixtures';

const dir = temporaryDirectory();

function model(name: string, files: Record<string, string>): string {
  const path = join(dir, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

describe('loadConfig', () => {
  it('takes the end-of-text ids from generation_config.json', async () => {
    expect(await loadConfig(MODELS.tiny)).toMatchObject({ hiddenSize: 256, eosTokenIds: [1, 2], bosTokenId: 0 });
  });

  it('does without generation_config.json', async () => {
    expect(await loadConfig(MODELS.llama)).toMatchObject({ architecture: 'llama', headDim: 48, eosTokenIds: [1] });
    expect(await loadConfig(MODELS.masters)).toMatchObject({ scaleRule: 'online', numKeyValueHeads: 1 });
    expect(await loadConfig(MODELS.odd)).toMatchObject({ headDim: 64, numKeyValueHeads: 3 });
  });

  it('finds the config beside a weights file', async () => {
    expect(await loadConfig(join(MODELS.tiny, 'model.safetensors'))).toMatchObject({ hiddenSize: 256 });
  });

  it.each([
    ['nothing', model('empty', {}), /expected a readable file at .*config\.json, received nothing there/],
    ['half a file', model('half', { 'config.json': '{"a": 1' }), /expected JSON in .*config\.json/],
    ['bytes that are not text', model('bytes', { 'config.json': '\u0000\u0001' }), /expected JSON in/],
    [
      'a list',
      model('list', { 'config.json': '[]' }),
      /expected a JSON object in .*config\.json, received an array of 0/,
    ],
    ['a huge file', model('huge', { 'config.json': ' '.repeat(2 ** 24 + 1) }), /at most 16777216 bytes/],
  ])('refuses %s', async (_name, path, text) => {
    const error = await rejection(loadConfig(path));
    expect(error).toMatchObject({ name: 'LoadError', code: 'ROTOR_LOAD' });
    expect(error.message).toMatch(text);
  });

  it('refuses a directory as config.json', async () => {
    const path = model('folder', {});
    mkdirSync(join(path, 'config.json'));
    expect((await rejection(loadConfig(path))).message).toContain('received a directory');
  });
});
