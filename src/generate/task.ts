import type { Tensor } from '../tensor/tensor';
import type { Job } from './job';
import { logprobsOf } from './logprobs';
import { draftOf } from './lookup';
import type { Sequence } from './sequence';

// Steps without a draft after guesses were wrong for a while.
const pauseSteps = 8;

/** A sequence on its way through an engine. */
export class Task {
  /** Slot of the cache, once it has one. */
  slot = -1;
  /** Tokens of the prompt in the cache. */
  filled = 0;
  /** Prompt and output. */
  readonly #history: number[];
  /** Tokens of the next draft, and steps before it: wrong guesses cost time. */
  #trust: number;
  #pause = 0;

  constructor(
    readonly job: Job,
    readonly sequence: Sequence,
  ) {
    this.#history = [...sequence.request.prompt];
    this.#trust = sequence.request.lookup?.tokens ?? 0;
  }

  /** Positions that it needs; the last token drawn is never run. */
  get room(): number {
    const { prompt, maxTokens } = this.sequence.request;
    return prompt.length + Math.max(maxTokens, 1) - 1;
  }

  /** Tokens to run before the first step. */
  get prefix(): number {
    return this.sequence.prefix;
  }

  /** Whether there is nothing left to do. */
  get over(): boolean {
    const { active, failure } = this.sequence;
    return this.job.ended || failure !== undefined || (!active && this.filled >= this.prefix);
  }

  /** Whether the prompt gets log probabilities. */
  get scored(): boolean {
    return this.job.wanted.promptLogprobs !== undefined;
  }

  /** Whether its tokens get log probabilities, which are over all logits. */
  get measured(): boolean {
    return this.job.wanted.logprobs || this.job.wanted.topLogprobs > 0;
  }

  /** Most tokens of the prompt that may come from the cache: what lies there has no logits. */
  get reusable(): number {
    return this.scored ? 0 : this.prefix;
  }

  /** The token that runs next. */
  get next(): number {
    return this.#history[this.#history.length - 1];
  }

  /** Position of that token. */
  get position(): number {
    return this.#history.length - 1;
  }

  /** The first `count` tokens of the prompt are in its slot already. */
  reuse(count: number): void {
    this.job.advance(count - this.filled);
    this.filled = count;
    this.sequence.cachedTokens = count;
  }

  /** Takes a drawn token. */
  accept(id: number, logprob: number | undefined, logits: Tensor, row: number): void {
    const { job, sequence } = this;
    const { topLogprobs } = job.wanted;
    const top = topLogprobs === 0 ? undefined : logprobsOf(rowOf(logits, row), id, topLogprobs).top;
    this.#history.push(id);
    job.push(sequence.accept(id, this.measured ? logprob : undefined, top));
  }

  /** Tokens that may follow `next`, at most `room`. */
  draft(room: number): number[] {
    const { request, ids } = this.sequence;
    const { lookup, maxTokens, minTokens } = request;
    if (lookup === undefined || this.#pause-- > 0) return [];
    // Every token of a draft is followed by a draw, which must be one of those to come, under the biases of the next.
    const draws = ids.length < minTokens ? minTokens - ids.length : maxTokens - ids.length;
    return draftOf(this.#history, lookup, Math.min(this.#trust, draws - 1, room));
  }

  /** Takes note of how many tokens of a draft were right. */
  judge(drafted: number, accepted: number): void {
    const { sequence } = this;
    sequence.draftedTokens += drafted;
    sequence.acceptedTokens += accepted;
    if (drafted === 0) return;
    const most = sequence.request.lookup?.tokens ?? 0;
    if (accepted === 0 && this.#trust === 1) this.#pause = pauseSteps;
    this.#trust = accepted === drafted ? Math.min(2 * this.#trust, most) : Math.max(accepted, this.#trust >> 1, 1);
  }

  /** Takes logits of prompt tokens from `first`: those of token t say how likely token t + 1 is. */
  score(logits: Tensor, first: number): void {
    const { sequence, job } = this;
    const { prompt } = sequence.request;
    for (let i = 0; i < logits.shape[0]; i++) {
      const t = first + i + 1;
      const { logprob, top } = logprobsOf(rowOf(logits, i), prompt[t], job.wanted.promptLogprobs ?? 0);
      sequence.promptLogprobs[t] = logprob;
      sequence.promptTopLogprobs[t] = top;
    }
  }
}

function rowOf(logits: Tensor, row: number): ArrayLike<number> {
  const vocab = logits.shape[1];
  return logits.data().subarray(row * vocab, (row + 1) * vocab);
}
