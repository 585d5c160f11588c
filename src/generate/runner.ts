import type { BitNet } from '../model/bitnet';
import { Decoder } from '../model/decoder';
import type { Tensor } from '../tensor/tensor';
import { logprobsOf } from './logprobs';
import type { GenerateOptions } from './options';
import type { GenerateEvent, GenerateResult } from './result';
import { seedWords } from './seed';
import type { Sequence, Wanted } from './sequence';

/** Runs the sequences of one generation side by side, and frees everything at the end, whatever the end is. */
export class Runner {
  /** Settles at the end. */
  readonly finished: Promise<GenerateResult[]>;
  readonly #model: BitNet;
  readonly #sequences: readonly Sequence[];
  readonly #wanted: Wanted;
  readonly #options: Pick<GenerateOptions, 'signal' | 'onProgress' | 'listener'>;
  #captureMs = 0;
  #resolve: (results: GenerateResult[]) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(
    model: BitNet,
    sequences: readonly Sequence[],
    wanted: Wanted,
    options: Pick<GenerateOptions, 'signal' | 'onProgress' | 'listener'>,
  ) {
    this.#model = model;
    this.#sequences = sequences;
    this.#wanted = wanted;
    this.#options = options;
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A loop gets the error itself; nobody need ask for the result as well.
    this.finished.catch(() => undefined);
  }

  /** Ends all sequences that still run. Safe to call twice. */
  end(): void {
    for (const s of this.#sequences) s.abort();
    this.#resolve(this.#sequences.map((s) => s.result(this.#captureMs)));
  }

  async *events(): AsyncGenerator<GenerateEvent, void, undefined> {
    // What follows runs outside of any scope() around the caller, which would take the tensors away.
    await Promise.resolve();
    let decoder: Decoder | undefined;
    try {
      if (this.#aborted) return;
      const started = performance.now();
      decoder = this.#prepare();
      this.#captureMs = performance.now() - started;
      for (const s of this.#sequences) await this.#prefill(decoder, s);
      while (!this.#aborted && this.#sequences.some((s) => s.active)) yield* await this.#step(decoder, started);
    } catch (error) {
      this.#reject(error);
      throw error;
    } finally {
      decoder?.dispose();
      this.end();
    }
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  get #scored(): boolean {
    return this.#wanted.logprobs || this.#wanted.topLogprobs > 0;
  }

  #prepare(): Decoder {
    const requests = this.#sequences.map((s) => s.request);
    const decoder = new Decoder(this.#model, {
      slots: requests.length,
      // The last token drawn is never run.
      length: Math.max(...requests.map((r) => r.prompt.length + Math.max(r.maxTokens, 1) - 1)),
      listener: this.#options.listener,
      // Log probabilities are over all tokens.
      logits: this.#scored ? 'all' : 'candidates',
    });
    try {
      for (const s of this.#sequences) decoder.prepare(this.#prefilled(s), this.#wanted.promptLogprobs !== undefined);
      if (this.#sequences.some((s) => s.active)) void decoder.program;
      return decoder;
    } catch (error) {
      decoder.dispose();
      throw error;
    }
  }

  // Tokens to run before the first step, which runs the last of the prompt. Without steps they only serve to be looked at.
  #prefilled(s: Sequence): number {
    return s.active || this.#wanted.promptLogprobs !== undefined ? s.request.prompt.length - 1 : 0;
  }

  async #prefill(decoder: Decoder, s: Sequence): Promise<void> {
    const { prompt, params, seed } = s.request;
    const { signal, onProgress } = this.#options;
    const total = this.#sequences.reduce((sum, x) => sum + this.#prefilled(x), 0);
    const before = this.#sequences.slice(0, s.index).reduce((sum, x) => sum + this.#prefilled(x), 0);
    const count = this.#prefilled(s);
    const started = performance.now();
    try {
      await decoder.prefill(s.index, prompt.slice(0, count), {
        ...(this.#wanted.promptLogprobs === undefined
          ? {}
          : { onLogits: (logits: Tensor, first: number) => this.#scorePrompt(s, logits, first) }),
        onProgress: (done) => onProgress?.({ done: before + done, total, label: 'prompt' }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (this.#aborted && error === signal?.reason) return;
      throw error;
    }
    s.promptMs = performance.now() - started;
    if (s.active)
      decoder.state.start(
        s.index,
        prompt[prompt.length - 1],
        prompt.length - 1,
        prompt,
        params,
        seedWords(seed),
        s.bias(),
      );
  }

  // Logits of prompt token t say how likely token t + 1 is.
  #scorePrompt(s: Sequence, logits: Tensor, first: number): void {
    const [rows, vocab] = logits.shape;
    const data = logits.data();
    for (let i = 0; i < rows; i++) {
      const t = first + i + 1;
      const { logprob, top } = logprobsOf(
        data.subarray(i * vocab, (i + 1) * vocab),
        s.request.prompt[t],
        this.#wanted.promptLogprobs ?? 0,
      );
      s.promptLogprobs[t] = logprob;
      s.promptTopLogprobs[t] = top;
    }
  }

  // One token for every active sequence.
  async #step(decoder: Decoder, started: number): Promise<GenerateEvent[]> {
    const before = performance.now();
    const { logits, logprob } = await decoder.step();
    const now = performance.now();
    const { state } = decoder;
    return this.#sequences
      .filter((s) => s.active)
      .map((s) => {
        if (s.ids.length === 0) {
          s.promptMs += now - before;
          s.firstTokenMs = now - started;
        } else s.predictedMs += now - before;
        const id = state.token.data()[s.index];
        const wasBanned = s.ids.length < s.request.minTokens;
        const event = s.accept(id, this.#scored ? logprob?.data()[s.index] : undefined, this.#top(logits, s.index, id));
        if (!s.active) state.stop(s.index);
        else if (wasBanned && s.ids.length >= s.request.minTokens) state.setBias(s.index, s.bias());
        return event;
      });
  }

  #top(logits: Tensor, slot: number, id: number): ReturnType<typeof logprobsOf>['top'] | undefined {
    if (this.#wanted.topLogprobs === 0) return undefined;
    const vocab = logits.shape[1];
    return logprobsOf(logits.data().subarray(slot * vocab, (slot + 1) * vocab), id, this.#wanted.topLogprobs).top;
  }
}
