import { OptionError, UnsupportedError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import { checkMessages, type ChatMessage } from './chat';
import { ChatTemplate } from './chat-template';
import { DecodeStream } from './decoder';
import { BpeEncoder } from './encoder';
import { readTokenizerFiles, type TokenizerSource } from './files';
import { SpecialShield, SpecialSplitter } from './special';
import { addsBos, roleTokens, specialContents, type RoleTokens } from './special-roles';
import { Vocabulary } from './vocabulary';

/** Options of {@link Tokenizer.encode}. */
export interface EncodeOptions {
  /** Whether the result begins with the begin-of-text token; default: as the model was trained. */
  readonly addBos?: boolean;
  /** Whether special tokens written in the text become their ids; for trusted text only. Default false. */
  readonly parseSpecial?: boolean;
}

/** Options of {@link Tokenizer.decode} and {@link Tokenizer.decodeStream}. */
export interface DecodeOptions {
  /** Whether special tokens are left out instead of being written as `<|eot_id|>`. Default false. */
  readonly skipSpecial?: boolean;
}

/** Options of {@link Tokenizer.applyChatTemplate} and {@link Tokenizer.renderChat}. */
export interface ChatOptions {
  /** Whether the start of the assistant's answer follows the messages. Default true. */
  readonly addGenerationPrompt?: boolean;
}

/**
 * Text to token ids and back, for byte-pair vocabularies of Hugging Face `tokenizer.json` files.
 *
 * Text is data: nothing that a user types becomes a special token, neither in {@link Tokenizer.encode} nor inside of
 * {@link Tokenizer.applyChatTemplate}.
 */
export class Tokenizer {
  /** Largest token id plus one; the vocabulary of the model may be larger. */
  readonly vocabSize: number;
  /** Id of the begin-of-text token, if the model has one. */
  readonly bosId: number | undefined;
  /** Ids that end a text or the turn of a chat, without repetition; may be empty. */
  readonly eosIds: readonly number[];
  /** Ids of all special tokens, ascending. */
  readonly specialIds: readonly number[];

  private readonly vocabulary: Vocabulary;
  private readonly encoder: BpeEncoder;
  private readonly splitter: SpecialSplitter;
  private readonly roles: RoleTokens;
  private readonly special: ReadonlySet<number>;
  private readonly bosByDefault: boolean;
  private readonly template: ChatTemplate | undefined;
  private shield: SpecialShield | undefined;

  /**
   * @param source contents of the tokenizer files; see {@link loadTokenizer}
   * @throws LoadError if they are damaged or contradict each other; UnsupportedError if the kind of tokenizer is unknown
   */
  constructor(source: TokenizerSource) {
    const where = `tokenizer.json of ${source.where}`;
    this.vocabulary = new Vocabulary(source.tokenizer, specialContents(source), where);
    this.encoder = new BpeEncoder(source.tokenizer, this.vocabulary, where);
    this.splitter = new SpecialSplitter(this.vocabulary.specials);
    this.roles = roleTokens(source, this.vocabulary);
    this.vocabSize = this.vocabulary.size;
    this.bosId = this.roles.bosId;
    this.eosIds = this.roles.eosIds;
    this.specialIds = this.vocabulary.specials.map((token) => token.id);
    this.special = new Set(this.specialIds);
    this.bosByDefault = addsBos(source) && this.bosId !== undefined;
    this.template =
      source.chatTemplate === undefined
        ? undefined
        : new ChatTemplate(source.chatTemplate, `the chat template of ${source.where}`);
  }

  /** Whether the model comes with a chat template. */
  get hasChatTemplate(): boolean {
    return this.template !== undefined;
  }

  /**
   * Encodes text. Lone surrogates count as U+FFFD.
   *
   * @param text the text; special tokens written in it are ordinary text unless `parseSpecial` is set
   * @param options see {@link EncodeOptions}
   * @returns token ids, with the begin-of-text token exactly once in front unless `addBos` is false
   * @throws OptionError if `text` is no string, an option is unknown, or `addBos` is set and the model has no such token
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    checkOptions('encode', options, ['addBos', 'parseSpecial']);
    if (typeof text !== 'string') {
      throw new OptionError(`expected text, received ${describe(text)}. Pass a string.`, { op: 'encode' });
    }
    const clean = wellFormed(text);
    const ids = options.parseSpecial === true ? this.encodeParsed(clean) : this.encoder.encode(clean, true);
    return this.withBos(ids, options.addBos);
  }

  /**
   * Decodes token ids.
   *
   * @param ids token ids; an id without a vocabulary entry becomes U+FFFD, and so do bytes that are no UTF-8
   * @param options see {@link DecodeOptions}
   * @throws OptionError if an id is not a non-negative integer or an option is unknown
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    checkOptions('decode', options, ['skipSpecial']);
    if (typeof (ids as Partial<Iterable<number>> | undefined)?.[Symbol.iterator] !== 'function') {
      throw new OptionError(`expected token ids, received ${describe(ids)}. Pass a list of numbers.`, { op: 'decode' });
    }
    const stream = this.decodeStream(options);
    let text = '';
    for (const id of ids) text += stream.push(id);
    return text + stream.flush();
  }

  /**
   * Starts decoding token by token, for text that appears while it is generated.
   *
   * @param options see {@link DecodeOptions}
   */
  decodeStream(options: DecodeOptions = {}): DecodeStream {
    checkOptions('decodeStream', options, ['skipSpecial']);
    const skip = options.skipSpecial === true;
    const nothing = new Uint8Array(0);
    return new DecodeStream((id) => {
      checkId('decode', id);
      return skip && this.special.has(id) ? nothing : this.vocabulary.bytesOf(id);
    }, this.vocabulary.strip);
  }

  /**
   * The text of one token for labels and tables, such as `" the"` or `"<|eot_id|>"`; bytes that are only a part of a
   * character are written `<0xE2>`.
   *
   * @returns `undefined` if the id has no vocabulary entry
   * @throws OptionError if `id` is not a non-negative integer
   */
  tokenToString(id: number): string | undefined {
    checkId('tokenToString', id);
    return this.vocabulary.textOf(id);
  }

  /**
   * The id of the token that stands for exactly this text, special tokens included. A vocabulary entry as the file
   * spells it (`Ġthe`) is found too.
   *
   * @returns `undefined` if there is no such token
   */
  idOf(token: string): number | undefined {
    if (typeof token !== 'string') {
      throw new OptionError(`expected the text of a token, received ${describe(token)}. Pass a string.`, {
        op: 'idOf',
      });
    }
    return this.vocabulary.idOfText(token) ?? this.vocabulary.idOfEntry(token);
  }

  /**
   * Encodes a conversation with the model's own chat template.
   *
   * @param messages at least one message; special tokens written in a content stay ordinary text
   * @param options see {@link ChatOptions}
   * @returns token ids with the begin-of-text token exactly once in front, if the model uses one
   * @throws UnsupportedError if the model has no chat template
   * @throws OptionError if a message is malformed or the template refuses the conversation
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatOptions = {}): number[] {
    const { rendered, reveal } = this.render('applyChatTemplate', messages, options);
    const ids = this.encodeParsed(rendered, reveal);
    const begun = this.bosId !== undefined && ids[0] === this.bosId;
    return this.withBos(ids, begun ? true : undefined);
  }

  /** The text that {@link Tokenizer.applyChatTemplate} encodes, for display; same arguments and errors. */
  renderChat(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const { rendered, reveal } = this.render('renderChat', messages, options);
    return reveal(rendered);
  }

  private render(
    where: string,
    messages: readonly ChatMessage[],
    options: ChatOptions,
  ): { rendered: string; reveal: (text: string) => string } {
    checkOptions(where, options, ['addGenerationPrompt']);
    checkMessages(where, messages);
    if (this.template === undefined) {
      throw new UnsupportedError(
        'expected a model with a chat template, received one without. Use encode() with a prompt of your own.',
        { op: where },
      );
    }
    this.shield ??= new SpecialShield(this.vocabulary.specials);
    const { texts, reveal } = this.shield.protect(
      messages.map((message) => wellFormed(message.content)),
      [this.template.source, ...this.vocabulary.specials.map((token) => token.content)],
    );
    const rendered = this.template.render({
      ...this.roles.variables,
      messages: messages.map(({ role }, i) => ({ role, content: texts[i] })),
      add_generation_prompt: options.addGenerationPrompt ?? true,
      tools: null,
      documents: null,
    });
    return { rendered, reveal };
  }

  private encodeParsed(text: string, reveal: (text: string) => string = (same) => same): number[] {
    return this.splitter
      .split(text)
      .flatMap((piece, i) => (typeof piece === 'number' ? piece : this.encoder.encode(reveal(piece), i === 0)));
  }

  private withBos(ids: number[], addBos: boolean | undefined): number[] {
    if (!(addBos ?? this.bosByDefault)) return ids;
    const { bosId } = this;
    if (bosId === undefined) {
      throw new OptionError(
        'expected a model with a begin-of-text token for addBos, received one without. Leave addBos out.',
        { op: 'encode' },
      );
    }
    const first = ids.findIndex((id) => id !== bosId);
    return [bosId, ...(first === -1 ? [] : ids.slice(first))];
  }
}

/**
 * Loads the tokenizer of a Hugging Face model directory: tokenizer.json with tokenizer_config.json,
 * special_tokens_map.json, generation_config.json, config.json and chat_template.jinja as far as they are there.
 *
 * @param directory path of the model directory
 * @returns `undefined` if the directory has no tokenizer.json; such a model runs on token ids
 * @throws LoadError if the directory is missing or a file is damaged; UnsupportedError for a tokenizer that is not BPE
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer | undefined> {
  const source = await readTokenizerFiles(directory);
  return source === undefined ? undefined : new Tokenizer(source);
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function checkId(where: string, id: number): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0) return;
  throw new OptionError(`expected a token id, received ${describe(id)}. Pass an integer from 0 up.`, { op: where });
}
