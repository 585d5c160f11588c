import { OptionError } from '../native/errors';

/** A special token: never produced from a user's text, only by its id or by a template. */
export interface SpecialToken {
  readonly id: number;
  /** Its text, such as `<|eot_id|>`. */
  readonly content: string;
  /** Whether white space in front of it belongs to it. */
  readonly lstrip: boolean;
  /** Whether white space behind it belongs to it. */
  readonly rstrip: boolean;
}

/** Splits a rendered template into the ids of special tokens and the text between them. */
export class SpecialSplitter {
  private readonly tokens: ReadonlyMap<string, SpecialToken>;
  private readonly pattern: RegExp | undefined;

  constructor(tokens: readonly SpecialToken[]) {
    this.tokens = new Map(tokens.map((token) => [token.content, token]));
    this.pattern = tokens.length === 0 ? undefined : new RegExp(`(${anyOf(tokens)})`, 'u');
  }

  /** The pieces of `text` in order: a number is the id of a special token, a string is ordinary text (never empty). */
  split(text: string): (number | string)[] {
    // With one capturing group, split() alternates text and separator.
    const parts = this.pattern === undefined ? [text] : text.split(this.pattern);
    for (let i = 1; i < parts.length; i += 2) {
      const token = this.tokens.get(parts[i]);
      if (token?.lstrip) parts[i - 1] = parts[i - 1].trimEnd();
      if (token?.rstrip) parts[i + 1] = parts[i + 1].trimStart();
    }
    return parts
      .map((part, i) => (i % 2 === 1 ? (this.tokens.get(part)?.id ?? part) : part))
      .filter((part) => part !== '');
  }
}

/**
 * Keeps text of a user from turning into special tokens when a template puts it between real ones.
 *
 * A character of every special token found in the text is replaced by a private-use character that occurs nowhere
 * else; {@link SpecialShield.reveal} puts it back after the rendered template was split. So is the first or last
 * character of a text that a template could complete to a special token (`eot_id|>` behind a literal `<|`).
 * Lengths and white space stay the same, so templates that trim or measure work as usual.
 */
export class SpecialShield {
  private readonly anywhere: RegExp | undefined;
  private readonly contents: readonly string[];
  private readonly prefixes = new Set<string>();
  private readonly suffixes = new Set<string>();
  private readonly longest: number;

  constructor(tokens: readonly SpecialToken[]) {
    // Case is ignored since a template may change it (`content | lower`).
    this.anywhere = tokens.length === 0 ? undefined : new RegExp(`(?=${anyOf(tokens)})[^]`, 'giu');
    this.contents = tokens.map((token) => token.content.toLowerCase());
    this.longest = Math.max(0, ...this.contents.map((content) => content.length));
    for (const content of this.contents) {
      for (let k = 1; k < content.length; k++) {
        this.prefixes.add(content.slice(0, k));
        this.suffixes.add(content.slice(k));
      }
    }
  }

  /**
   * @param texts the texts of the user
   * @param others every other text that can come out of the template: its source and the special tokens
   * @returns the texts made harmless, and `reveal`, which undoes it in any part of the rendered text
   * @throws OptionError if no private-use character is free
   */
  protect(texts: readonly string[], others: readonly string[]): { texts: string[]; reveal: (text: string) => string } {
    const free = freeCharacters([...texts, ...others]);
    const maskOf = new Map<string, string>();
    const originalOf = new Map<string, string>();
    const mask = (character: string): string => {
      if (originalOf.has(character)) return character;
      let masked = maskOf.get(character);
      if (masked === undefined) {
        masked = free();
        maskOf.set(character, masked);
        originalOf.set(masked, character);
      }
      return masked;
    };
    return {
      texts: texts.map((text) => this.protectOne(text, mask)),
      reveal: (text) => text.replace(/\p{Co}/gu, (character) => originalOf.get(character) ?? character),
    };
  }

  private protectOne(text: string, mask: (character: string) => string): string {
    if (this.anywhere === undefined) return text;
    const whole = text.replace(this.anywhere, mask);
    const body = whole.trim();
    if (body === '') return whole;
    const start = whole.length - whole.trimStart().length;
    const characters = Array.from(body);
    const lower = body.toLowerCase();
    const inside = lower.length < this.longest && this.contents.some((c) => c.includes(lower));
    if (inside || this.lengths(lower).some((n) => this.suffixes.has(lower.slice(0, n)))) {
      characters[0] = mask(characters[0]);
    }
    if (this.lengths(lower).some((n) => this.prefixes.has(lower.slice(-n)))) {
      characters[characters.length - 1] = mask(characters[characters.length - 1]);
    }
    return whole.slice(0, start) + characters.join('') + whole.slice(start + body.length);
  }

  private lengths(text: string): number[] {
    return Array.from({ length: Math.min(text.length, this.longest - 1) }, (_, i) => i + 1);
  }
}

function anyOf(tokens: readonly SpecialToken[]): string {
  // The longest first: the pattern must not stop at a token that begins another one.
  const contents = tokens.map((token) => token.content).sort((a, b) => b.length - a.length);
  return contents.map((content) => content.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
}

/** Hands out private-use characters that occur in none of `texts`. */
function freeCharacters(texts: readonly string[]): () => string {
  const used = new Set(texts.flatMap((text) => text.match(/\p{Co}/gu) ?? []));
  const candidates = privateUse();
  return () => {
    let next = candidates.next();
    while (next.done !== true && used.has(next.value)) next = candidates.next();
    if (next.done !== true) return next.value;
    throw new OptionError(
      'expected messages that leave a private-use character free, received every one of them. Remove characters from U+E000 to U+F8FF.',
      { op: 'applyChatTemplate' },
    );
  };
}

function* privateUse(): Generator<string, void> {
  for (let code = 0xe000; code <= 0xf8ff; code++) yield String.fromCharCode(code);
  for (let code = 0xf0000; code <= 0xffffd; code++) yield String.fromCodePoint(code);
}
