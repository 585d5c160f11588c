import type { Engine, GenerateOptions, Generation } from './generate';
import type { ChatMessage } from './text';

/** Text, or token ids. */
export type ModelInput = string | ArrayLike<number>;

/** Options of {@link LanguageEngine.generate}: those of `LanguageModel.generate`; hooks and the cache belong to the engine. */
export type EngineGenerateOptions = Omit<GenerateOptions, 'listener' | 'cacheType'>;

/** How an engine turns what it is given into token ids. */
export interface PromptReader {
  prompts(input: ModelInput | readonly ModelInput[]): number[][];
  conversation(messages: readonly ChatMessage[]): number[];
}

/**
 * Generates many things at once with one model, and keeps what it has read: see `Engine`. Made by `LanguageModel.engine()`.
 */
export class LanguageEngine {
  readonly #engine: Engine;
  readonly #read: PromptReader;

  /** For the library's own use. */
  constructor(engine: Engine, read: PromptReader) {
    this.#engine = engine;
    this.#read = read;
  }

  /** Most positions of a slot. */
  get length(): number {
    return this.#engine.length;
  }

  /** Sequences that have a slot, and those that wait for one. */
  get load(): { readonly running: number; readonly waiting: number } {
    return this.#engine.load;
  }

  /**
   * Continues a prompt, or several. The generation takes part once its loop, or its result, is asked for.
   *
   * @throws as `LanguageModel.generate`; ContextError when a prompt and its maxTokens do not fit a slot; DisposedError after
   *   dispose
   */
  generate(input: ModelInput | readonly ModelInput[], options: EngineGenerateOptions = {}): Generation {
    return this.#engine.generate(this.#read.prompts(input), options);
  }

  /** Answers a conversation; of the next turn only what is new is run. @throws as `LanguageModel.chat` and {@link generate} */
  chat(messages: readonly ChatMessage[], options: EngineGenerateOptions = {}): Generation {
    return this.#engine.generate([this.#read.conversation(messages)], options);
  }

  /** Ends all generations as an abort does, and frees the memory; settles when that is done. Safe to call twice. */
  dispose(): Promise<void> {
    return this.#engine.dispose();
  }
}
