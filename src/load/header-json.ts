import { isUtf8 } from 'node:buffer';

/** A tensor entry has two levels; one more is harmless. */
const MAX_DEPTH = 4;
const PLAIN_INTEGER = /^(?:0|[1-9][0-9]*)$/;

/**
 * Parses the JSON header of a tensor file, more strictly than `JSON.parse`: UTF-8, an object from the first byte, no
 * repeated key (which one wins would be a matter of the parser), no deep nesting and no number but plain non-negative integers.
 *
 * @param bytes the header, padded with white space at the end at most
 * @returns the object; integers beyond 2^53 are not exact, so check them with `Number.isSafeInteger`
 * @throws Error whose message is a phrase "received …" without context
 */
export function parseHeaderJson(bytes: Uint8Array): Record<string, unknown> {
  if (!isUtf8(bytes)) throw new Error('bytes that are not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (!text.startsWith('{'))
    throw new Error(`a header that starts with ${JSON.stringify(text.slice(0, 1))} instead of "{"`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`a header that is not JSON (${(error as Error).message.slice(0, 120)})`);
  }
  checkTokens(text);
  return value as Record<string, unknown>;
}

/** Walks valid JSON with one set of keys for each open object (`undefined` for an array). */
function checkTokens(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (let at = 0; at < text.length;) {
    const end = tokenEnd(text, at);
    const token = text.slice(at, end);
    at = end;
    if (token.trim() === '') continue;
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    if (open.length > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} levels of nesting`);
    if (token === '}' || token === ']') open.pop();
    else if (token[0] === '"') {
      const keys = open[open.length - 1];
      if (keys !== undefined && (last === '{' || last === ',')) addKey(keys, JSON.parse(token) as string);
    } else if (/^[-0-9]/.test(token) && !PLAIN_INTEGER.test(token)) {
      throw new Error(`the number ${token.slice(0, 40)}`);
    }
    last = token;
  }
}

function addKey(keys: Set<string>, key: string): void {
  if (keys.has(key)) throw new Error(`the key ${JSON.stringify(key.slice(0, 80))} twice`);
  keys.add(key);
}

/** End of the string, bracket, separator, white space or word that starts at `at`. A loop: a regular expression would overflow its stack on a long string. */
function tokenEnd(text: string, at: number): number {
  let end = at + 1;
  if (text[at] === '"') {
    while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
    return end + 1;
  }
  const kind = charKind(text[at]);
  if (kind !== 'mark') while (end < text.length && charKind(text[end]) === kind) end++;
  return end;
}

function charKind(char: string): 'mark' | 'space' | 'word' {
  if ('{}[],:"'.includes(char)) return 'mark';
  return ' \t\n\r'.includes(char) ? 'space' : 'word';
}
