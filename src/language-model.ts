import { dirname } from 'node:path';
import { inspect } from 'node:util';

import {
  Engine,
  type EngineOptions,
  generate,
  type GenerateOptions,
  type Generation,
  type TextCodec,
} from './generate';
import { LanguageEngine, type ModelInput } from './language-engine';
import { loadBitNet, type LoadOptions } from './load/load-model';
import type { BitNet } from './model/bitnet';
import type { BitNetConfig } from './model/config';
import { Decoder } from './model/decoder';
import { greedy } from './model/step-state';
import { matricesOf, memoryOf, type MemoryUse, type WeightMatrix } from './model/matrices';
import { setThreads } from './native/device-info';
import { DisposedError, LoadError, OptionError, UnsupportedError } from './native/errors';
import { checkOptions, describe } from './native/options';
import type { ProfileOptions, ProgramProfile } from './program/profile';
import { summarize } from './model/summary';
import type { DeviceName } from './tensor/dtype';
import type { Tensor } from './tensor/tensor';
import { type ChatMessage, loadTokenizer, type Tokenizer } from './text';
import type { ActivationCache } from './trace/cache';
import { tapNames } from './trace/names';
import { type CacheOptions, hookListener, type HookOptions, run, runWithCache, runWithHooks } from './trace/run';

/** Options of {@link loadModel}. */
export interface LoadModelOptions extends LoadOptions {
  /** Threads of the whole process. Results do not depend on it. */
  readonly threads?: number;
}

/** Options of {@link LanguageModel.generate}: those of `generate`, with hooks by the names of taps. */
export interface TextGenerateOptions extends Omit<GenerateOptions, 'listener'> {
  /**
   * Pairs of taps and what to do with their value. They become part of the programs, so they may use tensor ops but not read
   * data; a hook sees the rows of a chunk of the prompt, then one row per prompt for every token.
   */
  readonly fwdHooks?: HookOptions['fwdHooks'];
}

/** Options of {@link LanguageModel.engine}: those of `Engine`, with hooks by the names of taps. */
export interface LanguageEngineOptions extends Omit<EngineOptions, 'listener'> {
  /** As in {@link TextGenerateOptions}. */
  readonly fwdHooks?: HookOptions['fwdHooks'];
}

/**
 * Loads a model with its tokenizer.
 *
 * @param path a model directory in the Hugging Face layout, or a `.safetensors` file beside its `config.json`
 * @throws LoadError for missing, damaged or ill-fitting files; UnsupportedError for a model or tokenizer of another kind
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<LanguageModel> {
  checkOptions('loadModel', options, ['device', 'threads', 'onProgress', 'signal', 'cache', 'dropDead']);
  if (typeof path !== 'string' || path === '') {
    throw new OptionError(`expected the path of a model directory, received ${describe(path)}.`, { op: 'loadModel' });
  }
  const { threads, ...rest } = options;
  if (threads !== undefined) setThreads(threads);
  const model = await loadBitNet(path, rest);
  try {
    const tokenizer = await loadTokenizer(path.endsWith('.safetensors') ? dirname(path) : path);
    return new LanguageModel(path, model, tokenizer);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** A ternary language model with its tokenizer: run it, look inside it, generate with it. */
export class LanguageModel {
  readonly config: BitNetConfig;
  readonly device: DeviceName;
  #disposed = false;

  /**
   * @param path where the model came from
   * @param tokenizer undefined for a model that runs on token ids only
   * @throws LoadError if the tokenizer has ids that the model does not have
   */
  constructor(
    readonly path: string,
    readonly model: BitNet,
    readonly tokenizer: Tokenizer | undefined,
  ) {
    this.config = model.config;
    this.device = model.device;
    if (tokenizer !== undefined && tokenizer.vocabSize > model.config.vocabSize) {
      throw new LoadError(
        `expected a tokenizer of at most ${model.config.vocabSize} tokens in ${path}, received one of ${tokenizer.vocabSize}. Use the tokenizer that belongs to the model.`,
        { op: 'loadModel' },
      );
    }
  }

  /**
   * Token ids of an input: text gets the begin-of-text token once in front, if the model has one; ids stay as they are.
   *
   * @throws UnsupportedError for text when the model has no tokenizer
   */
  encode(input: ModelInput): number[] {
    return typeof input === 'string' ? this.#tokenizer('encode').encode(input) : Array.from(input);
  }

  /** Text of token ids, special tokens left out. @throws UnsupportedError when the model has no tokenizer */
  decode(ids: Iterable<number>): string {
    return this.#tokenizer('decode').decode(ids, { skipSpecial: true });
  }

  /** Text of one token for labels, such as `" the"`; `#17` when nothing is known of it. */
  tokenText(id: number): string {
    return this.tokenizer?.tokenToString(id) ?? `#${id}`;
  }

  /** Text of every token of an input, for labels. */
  tokens(input: ModelInput): string[] {
    return this.encode(input).map((id) => this.tokenText(id));
  }

  /** Logits of every position, f32 `[T, V]`. @throws OptionError for an empty input; ContextError beyond the context */
  run(input: ModelInput): Tensor {
    return run(this.model, this.#ids('run', input));
  }

  /** As `run`, with the values of taps; see `runWithCache` of trace. */
  runWithCache(input: ModelInput, options: CacheOptions = {}): { logits: Tensor; cache: ActivationCache } {
    return runWithCache(this.model, this.#ids('runWithCache', input), options);
  }

  /** As `run`, with values passing through hooks; see `runWithHooks` of trace. */
  runWithHooks(input: ModelInput, options: HookOptions = {}): Tensor {
    return runWithHooks(this.model, this.#ids('runWithHooks', input), options);
  }

  /** Names of all taps. */
  tapNames(): string[] {
    return tapNames(this.config);
  }

  /**
   * Continues a prompt, or several side by side.
   *
   * @param input text, token ids, or an array of these
   * @returns loop over it for the tokens, or `await generation.result()`
   * @throws OptionError for an unknown option, a value out of range, or an empty prompt; ContextError when a prompt and its
   *   maxTokens do not fit the context; UnsupportedError for text when the model has no tokenizer
   */
  generate(input: ModelInput | readonly ModelInput[], options: TextGenerateOptions = {}): Generation {
    return this.#generate('generate', this.#prompts(input), options);
  }

  /**
   * Answers a conversation, rendered with the model's own chat template.
   *
   * @throws UnsupportedError if the model has no tokenizer or no chat template; OptionError as `generate`, or for a
   *   conversation that the template refuses
   */
  chat(messages: readonly ChatMessage[], options: TextGenerateOptions = {}): Generation {
    return this.#generate('chat', [this.#conversation(messages)], options);
  }

  /**
   * An engine that runs many generations side by side and keeps what it has read for the next, such as a conversation. It
   * holds memory until it is disposed.
   *
   * @throws OptionError for an unknown option or a value out of range; ContextError for slots longer than the model's context
   */
  engine(options: LanguageEngineOptions = {}): LanguageEngine {
    this.#check('engine');
    const { fwdHooks, ...rest } = options;
    if ('listener' in rest) throw new OptionError('expected hooks in fwdHooks, received a listener.', { op: 'engine' });
    const listener = hookListener('engine', this.model, fwdHooks);
    return new LanguageEngine(
      new Engine(this.model, listener === undefined ? rest : { ...rest, listener }, this.#codec()),
      {
        prompts: (input) => this.#prompts(input),
        conversation: (messages) => this.#conversation(messages),
      },
    );
  }

  /** The ternary matrices, in the order in which a token meets them. */
  matrices(): WeightMatrix[] {
    this.#check('matrices');
    return matricesOf(this.model);
  }

  /** Bytes of the weights in memory. */
  memory(): MemoryUse {
    this.#check('memory');
    return memoryOf(this.model);
  }

  /** A table of the layers: shapes, ternary weights by value, dead rows, and bytes in memory. */
  summary(): string {
    this.#check('summary');
    return summarize(this.model);
  }

  /** The program of a decode step of one sequence, timed record by record; see `Program.profile`. */
  async profileDecode(options: ProfileOptions = {}): Promise<ProgramProfile> {
    this.#check('profileDecode');
    checkOptions('profileDecode', options, ['repeats', 'bandwidth', 'peaks']);
    const { repeats = 5 } = options;
    // Every repeat moves on by one position.
    const length = Math.min(Math.max(Math.ceil(repeats) || 1, 1), this.config.maxPositionEmbeddings);
    const decoder = new Decoder(this.model, { slots: 1, length, logits: 'candidates' });
    try {
      decoder.state.start(0, 0, 0, [], greedy, [0, 0], []);
      return await decoder.program.profile(options);
    } finally {
      decoder.dispose();
    }
  }

  /** Frees the weights. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.model.dispose();
  }

  toString(): string {
    const { architecture, numHiddenLayers, hiddenSize, vocabSize } = this.config;
    const state = this.#disposed ? 'disposed' : this.device;
    return `LanguageModel(${this.path}, ${architecture}, ${numHiddenLayers} layers of ${hiddenSize}, ${vocabSize} tokens, ${state})`;
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #generate(op: string, prompts: readonly number[][], options: TextGenerateOptions): Generation {
    const { fwdHooks, ...rest } = options;
    if ('listener' in rest) throw new OptionError('expected hooks in fwdHooks, received a listener.', { op });
    const listener = hookListener(op, this.model, fwdHooks);
    return generate(this.model, prompts, listener === undefined ? rest : { ...rest, listener }, this.#codec());
  }

  #codec(): TextCodec | undefined {
    const { tokenizer } = this;
    return tokenizer && { decodeStream: () => tokenizer.decodeStream({ skipSpecial: true }) };
  }

  #prompts(input: ModelInput | readonly ModelInput[]): number[][] {
    const several = Array.isArray(input) && input.some((x) => typeof x !== 'number');
    const inputs = several ? (input as readonly ModelInput[]) : [input as ModelInput];
    return inputs.map((x) => this.#ids('generate', x));
  }

  #conversation(messages: readonly ChatMessage[]): number[] {
    this.#check('chat');
    return this.#tokenizer('chat').applyChatTemplate(messages);
  }

  #ids(op: string, input: ModelInput): number[] {
    this.#check(op);
    if (typeof input === 'string') {
      const tokenizer = this.#tokenizer(op);
      if (input === '')
        throw new OptionError(
          'expected text, received an empty prompt. Pass token ids to start from the BOS token alone.',
          { op },
        );
      return tokenizer.encode(input);
    }
    if (typeof input !== 'object' || input === null || !Number.isInteger(input.length)) {
      throw new OptionError(`expected text or an array of token ids, received ${describe(input)}.`, { op });
    }
    return Array.from(input);
  }

  #tokenizer(op: string): Tokenizer {
    if (this.tokenizer !== undefined) return this.tokenizer;
    throw new UnsupportedError(
      `expected a model with a tokenizer, received one without in ${this.path}. Pass token ids instead of text.`,
      { op },
    );
  }

  #check(op: string): void {
    if (this.#disposed)
      throw new DisposedError('expected a live model, received one that was disposed. Load it again.', { op });
  }
}
