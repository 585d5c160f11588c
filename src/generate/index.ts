export { Engine } from './engine';
export type { EngineOptions } from './engine';
export { generate } from './generate';
export { Generation } from './generation';
export type { TokenLogprob } from './logprobs';
export type { GenerateOptions, PrefillProgress, PromptLookupOptions, SequenceOptions } from './options';
export type { FinishReason, GenerateEvent, GenerateResult, TextCodec, Timings, Usage } from './result';
export type { Seed } from './seed';
