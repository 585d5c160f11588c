import type { Tokenizer } from '../../src/text';
import { DecodeStream } from '../../src/text';
import { bundled, golden, load, sentencepiece, spaced } from './fixtures';

let tokenizers: Tokenizer[];

beforeAll(async () => {
  tokenizers = [await load(bundled), await load(sentencepiece)];
});

function streamed(tokenizer: Tokenizer, ids: readonly number[], skipSpecial = false): string[] {
  const stream = tokenizer.decodeStream({ skipSpecial });
  return [...ids.map((id) => stream.push(id)), stream.flush()];
}

function randomIds(seed: number, count: number, below: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  });
}

const LONE_SURROGATE = /\p{Surrogate}/u;

describe('decodeStream', () => {
  it('gives the same text one token at a time as all at once, in whole characters', () => {
    for (const [k, tokenizer] of tokenizers.entries()) {
      for (const [text, ids] of golden[k === 0 ? 'bundled' : 'sentencepiece'].cases) {
        const parts = streamed(tokenizer, ids);
        expect([parts.join(''), parts.at(-1)]).toEqual([k === 0 ? text : spaced(text), '']);
        // A part of a character would show as a lone surrogate or as a U+FFFD that the text does not have.
        expect(parts.filter((part) => LONE_SURROGATE.test(part))).toEqual([]);
        if (!text.includes('\ufffd')) expect(parts.filter((part) => part.includes('\ufffd'))).toEqual([]);
      }
    }
  });

  it('gives the same text as decode for any ids, with and without special tokens', () => {
    for (const tokenizer of tokenizers) {
      for (let seed = 1; seed <= 200; seed++) {
        // Half of the ids from the bottom of the vocabulary, where the single bytes are.
        const ids = randomIds(seed, 24, seed % 2 === 0 ? tokenizer.vocabSize : 260);
        for (const skipSpecial of [false, true]) {
          expect(streamed(tokenizer, ids, skipSpecial).join('')).toBe(tokenizer.decode(ids, { skipSpecial }));
        }
      }
    }
  });

  it('holds an incomplete character back until its last byte', () => {
    const [tokenizer, pieces] = tokenizers;
    for (const [ours, bytes] of [
      [tokenizer, [0xf0, 0x9f, 0x98, 0x80].map((byte) => byteToken(tokenizer, byte))],
      [pieces, ['<0xF0>', '<0x9F>', '<0x98>', '<0x80>'].map((entry) => pieces.idOf(entry) ?? -1)],
    ] as const) {
      expect(streamed(ours, bytes)).toEqual(['', '', '', '\u{1f600}', '']);
      expect(streamed(ours, bytes.slice(0, 3))).toEqual(['', '', '', '\ufffd']);
      // A special token in between that is skipped does not break the character, one that is shown does.
      const split = [...bytes.slice(0, 2), ours.specialIds[1], ...bytes.slice(2)];
      expect(streamed(ours, split, true).join('')).toBe('\u{1f600}');
      expect(streamed(ours, split).join('')).toBe(ours.decode(split));
      expect(streamed(ours, split)[2].startsWith('\ufffd<')).toBe(true);
    }
  });

  it('turns bytes that can never become a character into U+FFFD at once, and goes on', () => {
    const [tokenizer] = tokenizers;
    const ids = [0xff, 0x41, 0xc3, 0x41].map((byte) => byteToken(tokenizer, byte));
    expect(streamed(tokenizer, ids)).toEqual(['\ufffd', 'A', '', '\ufffdA', '']);
  });

  it('keeps a byte order mark at the start and anywhere else', () => {
    for (const tokenizer of tokenizers) {
      const ids = tokenizer.encode('\ufeffa\ufeff', { addBos: false });
      expect(tokenizer.decode(ids)).toBe('\ufeffa\ufeff');
      expect(streamed(tokenizer, ids).join('')).toBe('\ufeffa\ufeff');
    }
  });

  it('starts anew after flush', () => {
    for (const tokenizer of tokenizers) {
      const ids = tokenizer.encode('caf\u00e9 \u{1f600}', { addBos: false });
      const stream = tokenizer.decodeStream();
      expect(stream).toBeInstanceOf(DecodeStream);
      for (let round = 0; round < 3; round++) {
        expect(ids.map((id) => stream.push(id)).join('') + stream.flush()).toBe('caf\u00e9 \u{1f600}');
      }
      expect(stream.flush()).toBe('');
    }
  });

  it('streams side by side without mixing', () => {
    const [tokenizer] = tokenizers;
    const [one, two] = ['\u{1f600}\u{1f601}', '\u4f60\u597d'].map((text) => tokenizer.encode(text, { addBos: false }));
    const [a, b] = [tokenizer.decodeStream(), tokenizer.decodeStream()];
    let [textA, textB] = ['', ''];
    for (let i = 0; i < Math.max(one.length, two.length); i++) {
      if (i < one.length) textA += a.push(one[i]);
      if (i < two.length) textB += b.push(two[i]);
    }
    expect([textA + a.flush(), textB + b.flush()]).toEqual(['\u{1f600}\u{1f601}', '\u4f60\u597d']);
  });
});

/** The token of one byte in a byte-level vocabulary. */
function byteToken(tokenizer: Tokenizer, byte: number): number {
  const hex = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  const text = byte < 0x80 ? String.fromCharCode(byte) : hex;
  for (let id = 3; id < 300; id++) if (tokenizer.tokenToString(id) === text) return id;
  throw new Error(`no token for byte ${byte}`);
}
