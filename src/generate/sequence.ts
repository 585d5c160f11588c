import type { TokenLogprob } from './logprobs';
import type { Request } from './options';
import type { FinishReason, GenerateEvent, GenerateResult, TextCodec, Timings } from './result';
import { StopFilter } from './stop-text';

/** Which extras a result has. */
export interface Wanted {
  readonly logprobs: boolean;
  readonly topLogprobs: number;
  /** Most likely tokens per prompt token; undefined for no prompt log probabilities. */
  readonly promptLogprobs: number | undefined;
}

/** One prompt on its way: collects tokens, turns them into text, and knows when to end. */
export class Sequence {
  readonly ids: number[] = [];
  readonly promptLogprobs: (number | null)[];
  readonly promptTopLogprobs: (readonly TokenLogprob[] | null)[];
  finishReason: FinishReason | undefined;
  /** What went wrong with it. */
  failure: { readonly error: unknown } | undefined;
  /** Tokens to run before the first step, which runs the last of the prompt. Without steps they only serve to be looked at. */
  readonly prefix: number;
  /** Tokens of the prompt that were in the cache. */
  cachedTokens = 0;
  /** Tokens that were guessed, and how many of them were right. */
  draftedTokens = 0;
  acceptedTokens = 0;
  /** Milliseconds spent on capturing programs. */
  captureMs = 0;
  /** Milliseconds spent on the prompt. */
  promptMs = 0;
  /** Milliseconds from the start of the generation to the first token. */
  firstTokenMs = 0;
  /** Milliseconds of the steps after the first. */
  predictedMs = 0;
  readonly #logprobs: number[] = [];
  readonly #topLogprobs: (readonly TokenLogprob[])[] = [];
  readonly #decoder: ReturnType<TextCodec['decodeStream']> | undefined;
  readonly #filter: StopFilter;
  #text = '';
  #stopReason: number | string | undefined;

  constructor(
    readonly index: number,
    readonly request: Request,
    readonly wanted: Wanted,
    codec: TextCodec | undefined,
  ) {
    this.#decoder = codec?.decodeStream();
    this.#filter = new StopFilter(request.stop);
    this.promptLogprobs = request.prompt.map(() => null);
    this.promptTopLogprobs = request.prompt.map(() => null);
    if (request.maxTokens === 0) this.finishReason = 'length';
    this.prefix = this.active || wanted.promptLogprobs !== undefined ? request.prompt.length - 1 : 0;
  }

  /** Whether there is a token to draw. */
  get active(): boolean {
    return this.finishReason === undefined;
  }

  /** Pairs of token and value to add to the logits of the next token. */
  bias(): Map<number, number> {
    const { bias, eosIds, stopIds, minTokens } = this.request;
    const ends = this.ids.length < minTokens ? [...eosIds, ...stopIds] : [];
    return new Map([...bias, ...ends.map((id) => [id, -Infinity] as const)]);
  }

  /** Adds the times of a step: of its capture, of itself, and since the generation began. */
  time(captureMs: number, stepMs: number, age: number): void {
    this.captureMs += captureMs;
    if (this.ids.length > 0) this.predictedMs += stepMs;
    else {
      this.promptMs += stepMs;
      this.firstTokenMs = age;
    }
  }

  /** Takes the next token, with its log probabilities where they are wanted. */
  accept(id: number, logprob: number | undefined, topLogprobs: readonly TokenLogprob[] | undefined): GenerateEvent {
    this.ids.push(id);
    if (logprob !== undefined) this.#logprobs.push(logprob);
    if (topLogprobs !== undefined) this.#topLogprobs.push(topLogprobs);
    const text = this.#advance(id);
    const position = this.request.prompt.length + this.ids.length - 1;
    return {
      sequence: this.index,
      id,
      text,
      ...(logprob === undefined ? {} : { logprob }),
      ...(topLogprobs === undefined ? {} : { topLogprobs }),
      position,
      ...(this.finishReason === undefined ? {} : { finishReason: this.finishReason }),
    };
  }

  /** Ends the sequence where it is. */
  abort(): void {
    if (this.active) this.#finish('abort');
  }

  /** Ends the sequence with an error. */
  fail(error: unknown): void {
    if (!this.active) return;
    this.failure = { error };
    this.#finish('error');
  }

  result(): GenerateResult {
    const { request, ids, wanted, failure, cachedTokens, draftedTokens, acceptedTokens } = this;
    const promptTokens = request.prompt.length;
    const completionTokens = ids.length;
    const totalTokens = promptTokens + completionTokens;
    return {
      ids,
      text: this.#decoder === undefined ? undefined : this.#text,
      finishReason: this.finishReason ?? 'abort',
      stopReason: this.#stopReason,
      usage: { promptTokens, completionTokens, totalTokens, cachedTokens, draftedTokens, acceptedTokens },
      timings: this.#timings(),
      seed: request.seed,
      ...(failure === undefined ? {} : { error: failure.error }),
      ...(wanted.logprobs || wanted.topLogprobs > 0 ? { logprobs: this.#logprobs } : {}),
      ...(wanted.topLogprobs > 0 ? { topLogprobs: this.#topLogprobs } : {}),
      ...(wanted.promptLogprobs === undefined ? {} : { promptLogprobs: this.promptLogprobs }),
      ...(wanted.promptLogprobs ? { promptTopLogprobs: this.promptTopLogprobs } : {}),
    };
  }

  #timings(): Timings {
    const { captureMs, promptMs, firstTokenMs, predictedMs, ids, request, cachedTokens } = this;
    const rate = (n: number, ms: number): number => (n > 0 && ms > 0 ? (1000 * n) / ms : 0);
    return {
      captureMs,
      promptMs,
      firstTokenMs,
      predictedMs,
      promptPerSecond: rate(request.prompt.length - cachedTokens, promptMs),
      predictedPerSecond: rate(ids.length - 1, predictedMs),
    };
  }

  // The text that is certain with this token; may end the sequence.
  #advance(id: number): string {
    const { eosIds, stopIds, minTokens, maxTokens } = this.request;
    if (eosIds.has(id) || stopIds.has(id)) return this.#finish(eosIds.has(id) ? 'eos' : 'stop', id);
    const piece = this.#decoder?.push(id) ?? '';
    const { text, stop } = this.ids.length >= minTokens ? this.#filter.push(piece) : { text: piece, stop: undefined };
    this.#text += text;
    if (stop !== undefined) {
      this.finishReason = 'stop';
      this.#stopReason = stop;
      return text;
    }
    return this.ids.length < maxTokens ? text : text + this.#finish('length');
  }

  // Ends the sequence; returns the text that was still held back.
  #finish(reason: FinishReason, stopReason?: number): string {
    this.finishReason = reason;
    this.#stopReason = stopReason;
    const { text, stop } = this.#filter.push(this.#decoder?.flush() ?? '');
    const rest = stop === undefined ? text + this.#filter.flush() : text;
    this.#text += rest;
    return rest;
  }
}
