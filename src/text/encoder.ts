import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { LoadError, OptionError } from '../native/errors';
import { byteCharacter } from './byte-alphabet';
import { asObject, isObject, type JsonObject } from './json';
import type { SpecialToken } from './special';
import type { Vocabulary } from './vocabulary';

const utf8 = new TextEncoder();

/** Byte-pair encoding of ordinary text. It does not know the special tokens, so no text can produce one. */
export class BpeEncoder {
  private readonly json: JsonObject;
  private readonly atStart: HuggingFaceTokenizer;
  private readonly missing: ReadonlySet<number>;
  private continued: HuggingFaceTokenizer | undefined;

  /**
   * @param json the parsed tokenizer.json
   * @param vocabulary the same, checked
   * @param where name of the file, for error texts
   * @throws LoadError if a part of the tokenizer has no implementation or is damaged
   */
  constructor(json: JsonObject, vocabulary: Vocabulary, where: string) {
    this.json = withoutSpecials(json, vocabulary.specials);
    this.missing = missingBytes(json, vocabulary);
    try {
      this.atStart = new HuggingFaceTokenizer(this.json, {});
    } catch (cause) {
      throw new LoadError(
        `expected a tokenizer that can be built from ${where}, received one with a fault: ${(cause as Error).message}. Restore the file from where the model came from.`,
        { op: 'loadTokenizer', details: { where }, cause },
      );
    }
  }

  /**
   * @param text well-formed text
   * @param atStart whether the text begins the sequence; SentencePiece vocabularies put a space in front of it then
   * @throws OptionError if the vocabulary has no token for a byte of the text
   */
  encode(text: string, atStart: boolean): number[] {
    if (text === '') return [];
    this.checkBytes(text);
    return (atStart ? this.atStart : this.forContinuation()).encode(text, { add_special_tokens: false }).ids;
  }

  private forContinuation(): HuggingFaceTokenizer {
    this.continued ??= prependsAtStart(this.json)
      ? new HuggingFaceTokenizer({ ...this.json, pre_tokenizer: neverPrepending(this.json.pre_tokenizer) }, {})
      : this.atStart;
    return this.continued;
  }

  private checkBytes(text: string): void {
    if (this.missing.size === 0) return;
    const byte = utf8.encode(text).find((value) => this.missing.has(value));
    if (byte === undefined) return;
    throw new OptionError(
      `expected text that the vocabulary can spell, received byte 0x${byte.toString(16)}, which has no token. Remove that character.`,
      { op: 'encode', details: { byte } },
    );
  }
}

/** The tokenizer.json that is left when the special tokens and everything that adds them are taken out. */
function withoutSpecials(json: JsonObject, specials: readonly SpecialToken[]): JsonObject {
  const model = json.model as JsonObject;
  const vocab = model.vocab as JsonObject;
  // The unknown token stays: the encoder needs it for what it cannot spell.
  const hidden = new Set(specials.map((token) => token.content).filter((content) => content !== model.unk_token));
  const some = Array.from(hidden).some((content) => Object.hasOwn(vocab, content));
  const ids = new Set(specials.map((token) => token.id));
  return {
    normalizer: json.normalizer ?? null,
    pre_tokenizer: json.pre_tokenizer ?? null,
    post_processor: null,
    decoder: null,
    added_tokens: ((json.added_tokens ?? []) as JsonObject[]).filter((token) => !ids.has(token.id as number)),
    model: {
      ...model,
      type: 'BPE',
      vocab: some ? Object.fromEntries(Object.entries(vocab).filter(([entry]) => !hidden.has(entry))) : vocab,
    },
  };
}

/**
 * The bytes of UTF-8 that a byte-level vocabulary has no entry for: text with one of them would silently lose it.
 * Empty for other vocabularies, which have an unknown token or byte tokens instead.
 */
function missingBytes(json: JsonObject, vocabulary: Vocabulary): ReadonlySet<number> {
  const missing = new Set<number>();
  if (!steps(json.pre_tokenizer).some((step) => step.type === 'ByteLevel')) return missing;
  for (let byte = 0; byte < 256; byte++) {
    if (vocabulary.idOfEntry(byteCharacter(byte)) === undefined) missing.add(byte);
  }
  return missing;
}

function steps(preTokenizer: unknown): JsonObject[] {
  if (!isObject(preTokenizer)) return [];
  if (preTokenizer.type !== 'Sequence' || !Array.isArray(preTokenizer.pretokenizers)) return [preTokenizer];
  return preTokenizer.pretokenizers.flatMap(steps);
}

function prependsAtStart(json: JsonObject): boolean {
  return steps(json.pre_tokenizer).some((step) => step.type === 'Metaspace' && step.prepend_scheme === 'first');
}

function neverPrepending(preTokenizer: unknown): JsonObject {
  const step = asObject(preTokenizer, 'tokenizer.json', 'a pre_tokenizer object');
  if (step.type === 'Metaspace') return { ...step, prepend_scheme: 'never' };
  return Array.isArray(step.pretokenizers) ? { ...step, pretokenizers: step.pretokenizers.map(neverPrepending) } : step;
}
