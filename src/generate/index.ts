export { generate } from './generate';
export { Generation } from './generation';
export type { TokenLogprob } from './logprobs';
export type { GenerateOptions, PrefillProgress, SequenceOptions } from './options';
export type { FinishReason, GenerateEvent, GenerateResult, TextCodec, Timings, Usage } from './result';
export type { Seed } from './seed';
