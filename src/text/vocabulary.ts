import { UnsupportedError } from '../native/errors';
import { alphabetText } from './byte-alphabet';
import { compileDecoder, type ByteDecoder } from './decoder';
import { asArray, asObject, isObject, malformed, type JsonObject } from './json';
import type { SpecialToken } from './special';

// Far above any vocabulary; keeps a damaged id from asking for an array of gigabytes.
const LARGEST_ID = 1 << 24;
const HEX_BYTES = /^(<0x[0-9A-F]{2}>)+$/;
const utf8 = new TextEncoder();

interface AddedToken extends SpecialToken {
  readonly special: boolean;
}

/** What a tokenizer.json says about each id: its entry, its bytes, whether it is special. */
export class Vocabulary {
  /** Largest id plus one. */
  readonly size: number;
  /** The special tokens, by ascending id. */
  readonly specials: readonly SpecialToken[];
  /** How decoding treats the start of a text. */
  readonly strip: ByteDecoder['strip'];

  private readonly entries: (string | undefined)[] = [];
  private readonly added = new Map<number, AddedToken>();
  private readonly idOfContent: ReadonlyMap<string, number>;
  private readonly decoder: ByteDecoder;
  private readonly bytes: (Uint8Array | undefined)[] = [];

  /**
   * @param json the parsed tokenizer.json
   * @param alsoSpecial contents that other files of the model call special
   * @param where name of the file, for error texts
   * @throws LoadError if the file is damaged; UnsupportedError if it is no BPE vocabulary or has an unknown decoder
   */
  constructor(json: JsonObject, alsoSpecial: ReadonlySet<string>, where: string) {
    const model = asObject(json.model, where, 'a model object');
    if (model.type !== undefined && model.type !== 'BPE') {
      throw new UnsupportedError(
        `expected a tokenizer model of type BPE in ${where}, received ${JSON.stringify(model.type)}. Use token ids instead of text with this model.`,
        { op: 'loadTokenizer', details: { where, type: model.type } },
      );
    }
    asArray(model.merges, where, 'a list of merges in the model');
    const vocab = asObject(model.vocab, where, 'a vocab object in the model');
    for (const [entry, id] of Object.entries(vocab)) {
      const checked = checkedId(id, where, entry);
      if (this.entries[checked] !== undefined) throw malformed(where, `one vocabulary entry for id ${checked}`, entry);
      this.entries[checked] = entry;
    }
    for (const token of asArray(json.added_tokens ?? [], where, 'a list of added_tokens')) {
      const parsed = addedToken(token, alsoSpecial, where);
      this.entries[parsed.id] = parsed.content;
      this.added.set(parsed.id, parsed);
    }
    for (const content of alsoSpecial) {
      const id: unknown = Object.hasOwn(vocab, content) ? vocab[content] : undefined;
      if (typeof id !== 'number' || this.added.has(id)) continue;
      this.added.set(id, { id, content, special: true, lstrip: false, rstrip: false });
    }
    if (this.entries.length === 0) throw malformed(where, 'at least one vocabulary entry', model.vocab);
    this.size = this.entries.length;
    this.specials = [...this.added.values()].filter((token) => token.special).sort((a, b) => a.id - b.id);
    this.idOfContent = new Map(this.entries.flatMap((entry, id) => (entry === undefined ? [] : [[entry, id]])));
    this.decoder = compileDecoder(json.decoder, where);
    this.strip = this.decoder.strip;
  }

  /** The vocabulary entry of an id as the file spells it, such as `Ġthe`; `undefined` if the id has none. */
  entryOf(id: number): string | undefined {
    return this.entries[id];
  }

  /** The id of a vocabulary entry as the file spells it. */
  idOfEntry(entry: string): number | undefined {
    return this.idOfContent.get(entry);
  }

  /** The bytes of UTF-8 that an id stands for; those of U+FFFD for an id without an entry. */
  bytesOf(id: number): Uint8Array {
    return (this.bytes[id] ??= this.computeBytes(id));
  }

  /** The text of an id for a reader: bytes that are not whole characters are written `<0xE2>`. */
  textOf(id: number): string | undefined {
    const entry = this.entries[id];
    if (entry === undefined) return undefined;
    const bytes = this.bytesOf(id);
    return bytes.length === 1 && HEX_BYTES.test(entry) ? entry : readable(bytes);
  }

  /** The id whose {@link Vocabulary.textOf} is `text`. */
  idOfText(text: string): number | undefined {
    const bytes = HEX_BYTES.test(text)
      ? Uint8Array.from(text.slice(3, -1).split('><0x'), (hex) => parseInt(hex, 16))
      : [];
    const spellings = [text, alphabetText(utf8.encode(text)), text.replaceAll(' ', '\u2581'), alphabetText(bytes)];
    return spellings.map((entry) => this.idOfEntry(entry)).find((id) => id !== undefined && this.textOf(id) === text);
  }

  private computeBytes(id: number): Uint8Array {
    const entry = this.entries[id];
    if (entry === undefined) return utf8.encode('\ufffd');
    return this.added.has(id) ? utf8.encode(entry) : this.decoder.bytesOf(entry);
  }
}

function readable(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`).join('');
  }
}

function checkedId(id: unknown, where: string, entry: string): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < LARGEST_ID) return id;
  throw malformed(where, `an integer from 0 to ${LARGEST_ID - 1} as id of ${JSON.stringify(entry)}`, id);
}

function addedToken(token: unknown, alsoSpecial: ReadonlySet<string>, where: string): AddedToken {
  const fields: JsonObject = isObject(token) ? token : {};
  const { content, id, special, lstrip, rstrip } = fields;
  if (typeof content !== 'string' || content === '') throw malformed(where, 'added_tokens with a content', token);
  return {
    id: checkedId(id, where, content),
    content,
    special: special === true || alsoSpecial.has(content),
    lstrip: lstrip === true,
    rstrip: rstrip === true,
  };
}
