import { malformed, isObject, type JsonObject } from './json';
import type { TokenizerSource } from './files';
import type { Vocabulary } from './vocabulary';

const NAMES = ['bos_token', 'eos_token', 'pad_token', 'unk_token', 'sep_token', 'cls_token', 'mask_token'] as const;

// Chat models end a turn with these, yet some configs (the released BitNet one among them) name end-of-text only.
const END_OF_TURN = ['<|eot_id|>', '<|im_end|>', '<|end_of_turn|>', '<end_of_turn>'];

/** Which ids play a part, and what a chat template calls them. */
export interface RoleTokens {
  readonly bosId: number | undefined;
  readonly eosIds: readonly number[];
  /** `bos_token`, `eos_token`, … as variables of a chat template. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Every content that a tokenizer config calls special, whatever tokenizer.json says about it. */
export function specialContents(source: TokenizerSource): ReadonlySet<string> {
  const { config } = source;
  const contents = new Set<string>();
  for (const name of NAMES) add(contents, contentOf(config[name]));
  const more: unknown = config.additional_special_tokens;
  if (Array.isArray(more)) more.forEach((token) => add(contents, contentOf(token)));
  const decoder: unknown = config.added_tokens_decoder;
  if (isObject(decoder)) {
    for (const token of Object.values(decoder)) {
      if (isObject(token) && token.special === true) add(contents, contentOf(token));
    }
  }
  return contents;
}

/**
 * Finds the begin-of-text token and the tokens that end a text or turn.
 *
 * @throws LoadError if a config names a begin or end token that the vocabulary lacks
 */
export function roleTokens(source: TokenizerSource, vocabulary: Vocabulary): RoleTokens {
  const { config, generation, where } = source;
  const variables: Record<string, string> = {};
  for (const name of NAMES) {
    const content = contentOf(config[name]);
    if (content !== undefined) variables[name] = content;
  }
  const named = (name: 'bos_token' | 'eos_token'): number[] => {
    const content = variables[name];
    if (content === undefined) return [];
    const id = vocabulary.idOfEntry(content);
    if (id === undefined) throw malformed(where, `a ${name} that tokenizer.json has`, content);
    return [id];
  };
  const endOfTurn = vocabulary.specials.filter((token) => END_OF_TURN.includes(token.content)).map((token) => token.id);
  const [bosId] = [
    ...named('bos_token'),
    ...(config.bos_token === null ? [] : idsIn(generation, 'bos_token_id', where)),
  ];
  const eosIds = [...named('eos_token'), ...idsIn(generation, 'eos_token_id', where), ...endOfTurn];
  const bosText = bosId === undefined ? undefined : vocabulary.entryOf(bosId);
  if (bosText !== undefined) variables.bos_token ??= bosText;
  return { bosId: bosText === undefined ? undefined : bosId, eosIds: [...new Set(eosIds)], variables };
}

/** Whether a text begins with the begin-of-text token unless the caller says otherwise. */
export function addsBos(source: TokenizerSource): boolean {
  return source.config.add_bos_token !== false;
}

function idsIn(generation: JsonObject, key: string, where: string): number[] {
  const value: unknown = generation[key];
  if (value === undefined || value === null) return [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  return ids.map((id) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0) return id;
    throw malformed(where, `a token id or a list of them as ${key}`, id);
  });
}

/** Configs write a token as a string or as an object with a `content`. */
function contentOf(token: unknown): string | undefined {
  const content: unknown = isObject(token) ? token.content : token;
  return typeof content === 'string' && content !== '' ? content : undefined;
}

function add(contents: Set<string>, content: string | undefined): void {
  if (content !== undefined) contents.add(content);
}
