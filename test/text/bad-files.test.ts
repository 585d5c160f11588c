import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RotorError } from '../../src/native/errors';
import { LoadError, UnsupportedError } from '../../src/native/errors';
import { loadTokenizer } from '../../src/text';
import { bundled, copyWith, removeCopies, type Edits } from './fixtures';

afterAll(removeCopies);

async function refusal(directory: string): Promise<RotorError> {
  try {
    await loadTokenizer(directory);
  } catch (error) {
    return error as RotorError;
  }
  throw new Error('expected an error, received a tokenizer');
}

describe('a directory without a tokenizer', () => {
  it('gives undefined', async () => {
    expect(await loadTokenizer(copyWith(bundled, { 'tokenizer.json': null }))).toBeUndefined();
  });

  it('is an error when it does not exist or is a file', async () => {
    const missing = await refusal(join(bundled, 'nowhere'));
    expect(missing).toBeInstanceOf(LoadError);
    expect(missing.code).toBe('ROTOR_LOAD');
    expect(missing.message).toContain('which does not exist. Check the path.');
    expect((await refusal(join(bundled, 'config.json'))).message).toContain('which is a file. Check the path.');
  });
});

type Json = Record<string, unknown>;
const model = (change: (model: Json) => Json) => ({
  'tokenizer.json': (json: Json): Json => ({ ...json, model: change(json.model as Json) }),
});
const vocab = (extra: Json): Edits => model((m) => ({ ...m, vocab: { ...(m.vocab as Json), ...extra } }));
const field = (extra: Json): Edits => ({ 'tokenizer.json': (json: Json): Json => ({ ...json, ...extra }) });
const config = (extra: Json): Edits => ({ 'tokenizer_config.json': (json: Json): Json => ({ ...json, ...extra }) });

describe('a damaged file', () => {
  const damaged: [string, Edits, string][] = [
    ['truncated', { 'tokenizer.json': '{"model": {"vocab": {"a"' }, 'expected JSON in'],
    ['empty', { 'tokenizer.json': '' }, 'received an empty file. Restore the file'],
    ['not UTF-8', { 'tokenizer.json': Uint8Array.of(0x7b, 0xff, 0x7d) }, 'expected UTF-8 text in'],
    ['a list', { 'tokenizer.json': '[]' }, 'expected a JSON object in'],
    ['null', { 'tokenizer.json': 'null' }, 'expected a JSON object in'],
    ['no model', field({ model: undefined }), 'expected a model object in tokenizer.json of'],
    ['model a string', field({ model: 'BPE' }), 'expected a model object in tokenizer.json of'],
    ['no vocab', model((m) => ({ ...m, vocab: undefined })), 'expected a vocab object in the model'],
    ['vocab a list', model((m) => ({ ...m, vocab: [] })), 'expected a vocab object in the model'],
    [
      'vocab empty',
      { 'tokenizer.json': '{"model":{"vocab":{},"merges":[]}}' },
      'expected at least one vocabulary entry',
    ],
    ['no merges', model((m) => ({ ...m, merges: undefined })), 'expected a list of merges in the model'],
    ['merges of numbers', model((m) => ({ ...m, merges: [1, 2] })), 'expected a tokenizer that can be built'],
    ['id twice', vocab({ 'new entry': 300 }), 'expected one vocabulary entry for id 300'],
    ['id negative', vocab({ x1: -1 }), 'expected an integer from 0 to 16777215 as id of "x1"'],
    ['id a fraction', vocab({ x1: 1.5 }), 'as id of "x1"'],
    ['id a string', vocab({ x1: '7' }), 'as id of "x1"'],
    ['id enormous', vocab({ x1: 4e9 }), 'as id of "x1"'],
    ['added_tokens an object', field({ added_tokens: {} }), 'expected a list of added_tokens'],
    ['added token null', field({ added_tokens: [null] }), 'expected added_tokens with a content'],
    ['added token empty', field({ added_tokens: [{ id: 1, content: '' }] }), 'expected added_tokens with a content'],
    ['added token without id', field({ added_tokens: [{ content: 'x' }] }), 'as id of "x"'],
    ['pre-tokenizer unknown', field({ pre_tokenizer: { type: 'Magic' } }), 'received one with a fault'],
    [
      'regular expression',
      field({ pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated', invert: false } }),
      'received one with a fault',
    ],
    ['normalizer unknown', field({ normalizer: { type: 'Magic' } }), 'received one with a fault'],
    ['decoder a string', field({ decoder: 'ByteLevel' }), 'expected a decoder object'],
    ['decoders missing', field({ decoder: { type: 'Sequence' } }), 'expected a list of decoders'],
    ['config truncated', { 'tokenizer_config.json': '{' }, 'expected JSON in'],
    ['config a list', { 'tokenizer_config.json': '[]' }, 'expected a JSON object in'],
    ['generation config', { 'generation_config.json': 'eos' }, 'expected JSON in'],
    ['unknown bos', config({ bos_token: '<bos>' }), 'expected a bos_token that tokenizer.json has in'],
    ['unknown eos', config({ eos_token: { content: '<eos>' } }), 'expected a eos_token that tokenizer.json has in'],
    ['eos ids', { 'generation_config.json': '{"eos_token_id":[1,"2"]}' }, 'a list of them as eos_token_id'],
    ['eos id negative', { 'generation_config.json': '{"eos_token_id":-1}' }, 'a list of them as eos_token_id'],
    ['template a number', config({ chat_template: 3 }), 'expected a chat_template that is a string or a list'],
    ['template list empty', config({ chat_template: [] }), 'expected a chat_template that is a string or a list'],
    ['template broken', config({ chat_template: '{% for %}' }), 'expected a chat template that parses'],
    ['template unclosed', config({ chat_template: '{{ messages' }), 'expected a chat template that parses'],
    ['template enormous', config({ chat_template: 'x'.repeat(300000) }), 'at most 262144 characters'],
    ['template not UTF-8', { 'chat_template.jinja': Uint8Array.of(0xff) }, 'expected UTF-8 text in'],
  ];
  it.each(damaged)('%s', async (_name, edits, text) => {
    const error = await refusal(copyWith(bundled, edits));
    expect(error.message).toContain(text);
    expect(error).toBeInstanceOf(LoadError);
    expect(error.message).toMatch(/^\[loadTokenizer\] expected .*, received .*\. .*\.$/s);
  });

  it('is named', async () => {
    const directory = copyWith(bundled, { 'tokenizer_config.json': '{' });
    const error = await refusal(directory);
    expect(error.details).toEqual({ path: join(directory, 'tokenizer_config.json') });
    expect(error.message).toContain(join(directory, 'tokenizer_config.json'));
  });

  it('may be a directory', async () => {
    const directory = copyWith(bundled, {});
    rmSync(join(directory, 'tokenizer.json'));
    mkdirSync(join(directory, 'tokenizer.json'));
    const error = await refusal(directory);
    expect(error).toBeInstanceOf(LoadError);
    expect(error.message).toContain('received EISDIR');
  });
});

describe('a tokenizer of an unknown kind', () => {
  const unknown: [string, Edits, string][] = [
    ['Unigram', model((m) => ({ ...m, type: 'Unigram' })), 'expected a tokenizer model of type BPE in'],
    ['WordPiece', model((m) => ({ ...m, type: 'WordPiece' })), 'received "WordPiece"'],
    ['no decoder', field({ decoder: null }), 'received {"type":"none"}'],
    ['WordPiece decoder', field({ decoder: { type: 'WordPiece' } }), 'expected a decoder made of ByteLevel'],
    [
      'CTC in a sequence',
      field({ decoder: { type: 'Sequence', decoders: [{ type: 'CTC' }] } }),
      'received {"type":"CTC"}',
    ],
    [
      'Replace of a pattern',
      field({ decoder: { type: 'Replace', pattern: { Regex: 'x' }, content: '' } }),
      'expected a decoder made of',
    ],
    [
      'Strip at the end',
      field({ decoder: { type: 'Strip', content: ' ', start: 0, stop: 1 } }),
      'received {"type":"Strip"',
    ],
  ];
  it.each(unknown)('%s', async (_name, edits, text) => {
    const error = await refusal(copyWith(bundled, edits));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.message).toContain(text);
  });
});
