/**
 * The printable alphabet that byte-level BPE writes bytes in (GPT-2 `bytes_to_unicode`): bytes that print stand for
 * themselves, the other 68 become the characters from U+0100 on.
 */
const CHARACTERS: readonly string[] = alphabet();
const BYTES: ReadonlyMap<string, number> = new Map(CHARACTERS.map((character, byte) => [character, byte]));

function alphabet(): string[] {
  const prints = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(prints(byte) ? byte : next++));
}

/** The character that stands for `byte` (0 to 255) in a byte-level vocabulary. */
export function byteCharacter(byte: number): string {
  return CHARACTERS[byte];
}

/** How a byte-level vocabulary spells `bytes`. */
export function alphabetText(bytes: Iterable<number>): string {
  return Array.from(bytes, byteCharacter).join('');
}

/** The bytes a byte-level vocabulary entry stands for, or `undefined` if it has a character outside of the alphabet. */
export function alphabetBytes(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES.get(token[i]);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
