import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LoadError } from '../native/errors';
import { asObject, isObject, malformed, type JsonObject } from './json';

/** The contents of a model's tokenizer files. */
export interface TokenizerSource {
  /** Where they come from, for error texts. */
  readonly where: string;
  /** tokenizer.json */
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json, laid over special_tokens_map.json; empty if there is neither. */
  readonly config: JsonObject;
  /** generation_config.json, laid over config.json; empty if there is neither. */
  readonly generation: JsonObject;
  /** Jinja source of the chat template, if the model has one. */
  readonly chatTemplate?: string;
}

/**
 * Reads the tokenizer files of a Hugging Face model directory.
 *
 * @returns `undefined` if the directory has no tokenizer.json
 * @throws LoadError if the directory or a file cannot be read, or a file is no JSON object
 */
export async function readTokenizerFiles(directory: string): Promise<TokenizerSource | undefined> {
  await checkDirectory(directory);
  const tokenizer = await readJson(directory, 'tokenizer.json');
  if (tokenizer === undefined) return undefined;
  const config = {
    ...(await readJson(directory, 'special_tokens_map.json')),
    ...(await readJson(directory, 'tokenizer_config.json')),
  };
  const generation = {
    ...(await readJson(directory, 'config.json')),
    ...(await readJson(directory, 'generation_config.json')),
  };
  const chatTemplate =
    (await readText(directory, 'chat_template.jinja')) ?? templateIn(config, join(directory, 'tokenizer_config.json'));
  return { where: directory, tokenizer, config, generation, ...(chatTemplate === undefined ? {} : { chatTemplate }) };
}

/** The `chat_template` of a config: one string, or a list of named ones of which `default` counts. */
function templateIn(config: JsonObject, where: string): string | undefined {
  const value = config.chat_template;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const named = value.filter(isObject).find((entry) => entry.name === 'default') ?? value.find(isObject);
    if (typeof named?.template === 'string') return named.template;
  }
  throw malformed(where, 'a chat_template that is a string or a list of named templates', value);
}

async function checkDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new LoadError(
    `expected a model directory, received ${JSON.stringify(directory)}, which ${found === undefined ? 'does not exist' : 'is a file'}. Check the path.`,
    { op: 'loadTokenizer', details: { directory } },
  );
}

async function readText(directory: string, name: string): Promise<string | undefined> {
  const path = join(directory, name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw new LoadError(`expected a readable file ${path}, received ${codeOf(cause)}. Check its permissions.`, {
      op: 'loadTokenizer',
      details: { path },
      cause,
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw damaged(path, 'UTF-8 text', 'other bytes', cause);
  }
}

async function readJson(directory: string, name: string): Promise<JsonObject | undefined> {
  const text = await readText(directory, name);
  if (text === undefined) return undefined;
  const path = join(directory, name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, 'JSON', text.trim() === '' ? 'an empty file' : (cause as Error).message, cause);
  }
  return asObject(value, path, 'a JSON object');
}

function damaged(path: string, expected: string, received: string, cause: unknown): LoadError {
  return new LoadError(
    `expected ${expected} in ${path}, received ${received}. Restore the file from where the model came from.`,
    { op: 'loadTokenizer', details: { path }, cause },
  );
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
