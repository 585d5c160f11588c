export type { BenchTarget } from './bench';
export { bench } from './bench';
export { buildFacts, packageVersion } from './build';
export type { Build } from './build';
export type { ModelSize, Roofline } from './floor';
export { bytesPerToken, measureBandwidth, modelSize, rooflineOf } from './floor';
export type { Machine } from './machine';
export { machineFacts } from './machine';
export { modelHash } from './model-hash';
export type { BenchOptions, Several } from './options';
export type { KernelPeak } from './peak';
export { measurePeaks, opPeaks, peakFor } from './peak';
export type { OverheadOptions } from './overhead';
export { benchOverhead } from './overhead';
export type {
  AnyReceipt,
  ComparisonReceipt,
  EngineResult,
  OverheadReceipt,
  Receipt,
  ReceiptBase,
  Throughput,
} from './receipt';
export { readReceipts, writeReceipt } from './receipt';
export type { BootstrapOptions } from './stats';
export { bootstrapInterval, bootstrapRatio, mean, median, stddev } from './stats';
export type { VerifiedReceipt, VerifyOptions, VerifyReport } from './verify';
export { verifyReceipt } from './verify';
export type { TestSize } from './tests';
export { testName } from './tests';
