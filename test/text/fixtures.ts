import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer, type ChatMessage, type Tokenizer } from '../../src/text';

export const bundled = join(__dirname, '../../models/rotor-tiny');
export const sentencepiece = join(__dirname, 'golden/sentencepiece');

export interface Recorded {
  cases: [string, number[]][];
  decodes: [number[], string][];
}

export interface Golden {
  templates: Record<string, string>;
  bundled: Recorded;
  sentencepiece: Recorded;
  chats: { template: string; messages: ChatMessage[]; generate: boolean; text: string; ids: number[] }[];
}

export const golden = JSON.parse(readFileSync(join(__dirname, 'golden/golden.json'), 'utf8')) as Golden;

export async function load(directory: string): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(directory);
  if (tokenizer === undefined) throw new Error(`no tokenizer in ${directory}`);
  return tokenizer;
}

type Json = Record<string, unknown>;

/** A change to one file of a copied tokenizer: new JSON, new text, or `null` to remove it. */
export type Edits = Record<string, string | Uint8Array | null | ((json: Json) => Json)>;

const made: string[] = [];

/** A copy of a tokenizer directory with some files changed, removed by {@link removeCopies}. */
export function copyWith(source: string, edits: Edits): string {
  const directory = mkdtempSync(join(tmpdir(), 'rotor-text-'));
  made.push(directory);
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
    if (existsSync(join(source, name))) writeFileSync(join(directory, name), readFileSync(join(source, name)));
  }
  for (const [name, edit] of Object.entries(edits)) {
    const path = join(directory, name);
    if (edit === null) rmSync(path);
    else if (typeof edit === 'function') {
      const json = JSON.parse(readFileSync(path, 'utf8')) as Json;
      writeFileSync(path, JSON.stringify(edit(json)));
    } else writeFileSync(path, edit);
  }
  return directory;
}

export function removeCopies(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
}

/** What is left of a text after SentencePiece, which spells a space as U+2581. */
export function spaced(text: string): string {
  return text.replaceAll('\u2581', ' ');
}
