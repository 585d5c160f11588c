export type { ChatMessage, ChatRole } from './chat';
export { DecodeStream } from './decoder';
export type { TokenizerSource } from './files';
export type { JsonObject } from './json';
export { loadTokenizer, Tokenizer } from './tokenizer';
export type { ChatOptions, DecodeOptions, EncodeOptions } from './tokenizer';
