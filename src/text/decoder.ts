import { UnsupportedError } from '../native/errors';
import { alphabetBytes } from './byte-alphabet';
import { asArray, asObject, type JsonObject } from './json';

const ACCEPTED = 'ByteLevel, Metaspace, Replace (of a string), ByteFallback, Fuse and Strip (at the start)';
const utf8 = new TextEncoder();

/** How the entries of a vocabulary become bytes, compiled from the `decoder` of a tokenizer.json. */
export interface ByteDecoder {
  /** The bytes that a vocabulary entry stands for; possibly a part of a character. */
  bytesOf(token: string): Uint8Array;
  /** A byte to drop at the start of a text, at most `count` times (the space that SentencePiece puts there). */
  readonly strip: { readonly byte: number; readonly count: number };
}

/**
 * Compiles the `decoder` section of a tokenizer.json.
 *
 * Every accepted decoder works token by token on bytes, which is what makes decoding a stream equal to decoding the
 * whole: both concatenate the same bytes.
 *
 * @throws UnsupportedError for a decoder that does not work in this way
 */
export function compileDecoder(decoder: unknown, where: string): ByteDecoder {
  let bytesOf = (token: string): Uint8Array => utf8.encode(token);
  let strip = { byte: 0x20, count: 0 };
  const rewriteText = (rewrite: (token: string) => string): void => {
    const inner = bytesOf;
    bytesOf = (token) => inner(rewrite(token));
  };
  // Wrapped from the last step to the first, so that the first step sees the token first.
  for (const step of flatten(decoder, where).reverse()) {
    switch (step.type) {
      case 'ByteLevel':
        bytesOf = (token) => alphabetBytes(token) ?? utf8.encode(token);
        break;
      case 'ByteFallback': {
        const inner = bytesOf;
        bytesOf = (token) => {
          const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
          return hex === null ? inner(token) : Uint8Array.of(parseInt(hex[1], 16));
        };
        break;
      }
      case 'Replace': {
        const from = asObject(step.pattern, where, 'a pattern in the Replace decoder').String;
        const to = step.content;
        if (typeof from !== 'string' || typeof to !== 'string') throw unsupported(step, where);
        rewriteText((token) => token.replaceAll(from, () => to));
        break;
      }
      case 'Metaspace': {
        const space = typeof step.replacement === 'string' ? step.replacement : '\u2581';
        rewriteText((token) => token.replaceAll(space, ' '));
        if (step.prepend_scheme !== 'never') strip = { byte: 0x20, count: 1 };
        break;
      }
      case 'Strip':
        if (step.content !== ' ' || typeof step.start !== 'number' || step.stop !== 0) throw unsupported(step, where);
        strip = { byte: 0x20, count: step.start };
        break;
      case 'Fuse':
        break;
      default:
        throw unsupported(step, where);
    }
  }
  return { bytesOf, strip };
}

function flatten(decoder: unknown, where: string): JsonObject[] {
  if (decoder === null || decoder === undefined) throw unsupported({ type: 'none' }, where);
  const step = asObject(decoder, where, 'a decoder object');
  if (step.type !== 'Sequence') return [step];
  return asArray(step.decoders, where, 'a list of decoders').flatMap((inner) => flatten(inner, where));
}

function unsupported(step: JsonObject, where: string): UnsupportedError {
  return new UnsupportedError(
    `expected a decoder made of ${ACCEPTED} in ${where}, received ${JSON.stringify(step)}. Use token ids instead of text with this model.`,
    { op: 'loadTokenizer', details: { where, decoder: step } },
  );
}

/**
 * Decodes tokens one at a time into text, never handing out a part of a character.
 *
 * The pieces returned by {@link DecodeStream.push} and the final {@link DecodeStream.flush} joined are exactly what
 * decoding all tokens at once gives.
 */
export class DecodeStream {
  private readonly bytesOf: (id: number) => Uint8Array;
  private readonly strip: ByteDecoder['strip'];
  private stripLeft: number;
  // Keeps U+FEFF: a byte order mark inside of generated text is a character like any other.
  private readonly utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

  /** @internal Made by `tokenizer.decodeStream()`. */
  constructor(bytesOf: (id: number) => Uint8Array, strip: ByteDecoder['strip']) {
    this.bytesOf = bytesOf;
    this.strip = strip;
    this.stripLeft = strip.count;
  }

  /**
   * Adds a token.
   *
   * @param id token id
   * @returns the text that is now certain: may be empty while a character is incomplete, or finish several at once
   * @throws OptionError if `id` is not a non-negative integer
   */
  push(id: number): string {
    return this.utf8.decode(this.stripped(this.bytesOf(id)), { stream: true });
  }

  /**
   * Ends the text: bytes of a character that never became complete come out as U+FFFD. Afterwards the stream is as new.
   *
   * @returns the rest of the text, usually empty
   */
  flush(): string {
    this.stripLeft = this.strip.count;
    return this.utf8.decode();
  }

  private stripped(bytes: Uint8Array): Uint8Array {
    let start = 0;
    while (this.stripLeft > 0 && start < bytes.length) {
      if (bytes[start] === this.strip.byte) {
        start++;
        this.stripLeft--;
      } else {
        this.stripLeft = 0;
      }
    }
    return bytes.subarray(start);
  }
}
