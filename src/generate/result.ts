import type { TokenLogprob } from './logprobs';

/** Turns token ids into text, one at a time; a tokenizer is one. */
export interface TextCodec {
  /** Starts a new text. `push` gives the text that is certain after a token, `flush` the rest. */
  decodeStream(): { push(id: number): string; flush(): string };
}

/**
 * Why a sequence ended: `length` (maxTokens), `eos` (an end-of-text id), `stop` (a stop string or id), `abort` (the signal,
 * or the caller left the loop), `error` (something went wrong with it while other prompts of the call went on).
 */
export type FinishReason = 'length' | 'eos' | 'stop' | 'abort' | 'error';

/** One drawn token. */
export interface GenerateEvent {
  /** Index of the prompt. */
  readonly sequence: number;
  readonly id: number;
  /** Text that became certain with this token; often empty, always so without a codec. Pieces joined are the text of the result. */
  readonly text: string;
  /** Natural logarithm of the token's probability, before any sampler setting; with `logprobs` or `topLogprobs`. */
  readonly logprob?: number;
  /** The most likely tokens, when asked for. */
  readonly topLogprobs?: readonly TokenLogprob[];
  /** Position of the token in its sequence, prompt included. */
  readonly position: number;
  /** Set on the last token of a sequence. */
  readonly finishReason?: FinishReason;
}

/** Tokens of one sequence. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** Tokens of the prompt that were not run because an engine had them in its cache. */
  readonly cachedTokens: number;
  /** Tokens that prompt lookup guessed. */
  readonly draftedTokens: number;
  /** Those of them that were right: tokens of the completion that needed no step of their own. */
  readonly acceptedTokens: number;
}

/** Times of one sequence, milliseconds. In a batch a step serves all active sequences and counts in full for each. */
export interface Timings {
  /** Capturing programs; those that another sequence needed before cost nothing. */
  readonly captureMs: number;
  /** Running the prompt, up to the first token drawn. */
  readonly promptMs: number;
  /** From the start of the generation to the first token; 0 without one. */
  readonly firstTokenMs: number;
  /** Steps after the first token. */
  readonly predictedMs: number;
  /** Prompt tokens, without those of a cache, per second; 0 when nothing was measured. */
  readonly promptPerSecond: number;
  /** Tokens after the first per second; 0 when nothing was measured. */
  readonly predictedPerSecond: number;
}

/** What became of one prompt. */
export interface GenerateResult {
  /** Every token drawn, an end-of-text or stop id included. */
  readonly ids: readonly number[];
  /** The text, without a stop string or the ids that ended it; undefined without a codec. */
  readonly text: string | undefined;
  readonly finishReason: FinishReason;
  /** What went wrong, for `error`. A call whose prompts all fail throws it instead. */
  readonly error?: unknown;
  /** The id or string that ended the sequence, for `eos` and `stop`. */
  readonly stopReason: number | string | undefined;
  readonly usage: Usage;
  readonly timings: Timings;
  /** The seed in force, given or chosen: the same seed gives the same tokens again. */
  readonly seed: number | bigint;
  /** One per id, when asked for. */
  readonly logprobs?: readonly number[];
  /** One list per id, when asked for. */
  readonly topLogprobs?: readonly (readonly TokenLogprob[])[];
  /** One per prompt token, when asked for; null for the first, which nothing predicts, and for tokens not run before an abort. */
  readonly promptLogprobs?: readonly (number | null)[];
  /** The most likely tokens at each prompt token, when asked for; null where `promptLogprobs` is. */
  readonly promptTopLogprobs?: readonly (readonly TokenLogprob[] | null)[];
}
