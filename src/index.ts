/**
 * Rotor: tensors, ternary language models, and everything that can be seen in them. Figures are in `rotor/plot`, what
 * notebooks need in `rotor/notebook`.
 */
export {
  bench,
  benchOverhead,
  measureBandwidth,
  measurePeaks,
  opPeaks,
  readReceipts,
  verifyReceipt,
  writeReceipt,
} from './bench';
export type {
  AnyReceipt,
  BenchOptions,
  ComparisonReceipt,
  KernelPeak,
  OverheadReceipt,
  Receipt,
  VerifyOptions,
  VerifyReport,
} from './bench';
export { Engine, generate, Generation } from './generate';
export type {
  EngineOptions,
  FinishReason,
  GenerateEvent,
  GenerateOptions,
  GenerateResult,
  PromptLookupOptions,
  Seed,
  SequenceOptions,
  TextCodec,
  Timings,
  TokenLogprob,
  Usage,
} from './generate';
export { LanguageEngine } from './language-engine';
export type { EngineGenerateOptions, ModelInput } from './language-engine';
export { LanguageModel, loadModel } from './language-model';
export type { LanguageEngineOptions, LoadModelOptions, TextGenerateOptions } from './language-model';
export { openCheckpoint } from './load/checkpoint';
export { loadConfig } from './load/load-config';
export { loadBitNet } from './load/load-model';
export type { LoadOptions, LoadProgress } from './load/load-model';
export { openSafetensors } from './load/safetensors';
export { verifyPackedCache } from './load/verify-cache';
export type { CacheReport } from './load/verify-cache';
export { writeSafetensors } from './load/write-safetensors';
export { BitNet } from './model/bitnet';
export type { BitNetWeights, LogitRows } from './model/bitnet';
export { parseConfig } from './model/config';
export type { BitNetConfig, ScaleRule } from './model/config';
export { Decoder } from './model/decoder';
export type { MatrixCounts, MatrixRow, MemoryUse, WeightMatrix } from './model/matrices';
export type { MemoryStats } from './native/addon';
export { deviceInfo, getThreads, memoryStats, setThreads } from './native/device-info';
export type { CpuDescription, DeviceDescription, ReferenceDescription } from './native/device-info';
export * from './native/errors';
export { Attention } from './nn/attention';
export type { RopeTables, Rows } from './nn/attention';
export { Block } from './nn/block';
export { KvCache } from './nn/kv-cache';
export type { LayerCache } from './nn/kv-cache';
export { GatedMLP } from './nn/mlp';
export { RMSNorm } from './nn/norm';
export { TernaryLinear } from './nn/ternary-linear';
export * from './ops';
export { capture } from './program/capture';
export type { ProgramOutputs } from './program/capture';
export type { DiffRow, ProgramDiff } from './program/diff';
export type { OpPeak, ProfileOptions, ProfileRow, ProgramProfile } from './program/profile';
export type { Program } from './program/program';
export { tap, tapped } from './program/tap';
export * from './tensor';
export * from './text';
export { ActivationCache } from './trace/cache';
export type { Hook } from './trace/listeners';
export { tapNames } from './trace/names';
export type { NamesFilter } from './trace/names';
export { run, runWithCache, runWithHooks } from './trace/run';
export type { CacheOptions, HookOptions, RunMode } from './trace/run';
