/**
 * Figures as pure functions: numbers in, plotly JSON out. Nothing here loads plotly, touches a device or does I/O;
 * `toSvg` draws the same figure as a static picture.
 */
export { describeFigure, isFigure } from './figure';
export type {
  Annotation,
  Axis,
  BarTrace,
  ColorScale,
  Datum,
  ErrorBars,
  Figure,
  FigureConfig,
  FigureFont,
  FigureText,
  HeatmapTrace,
  Layout,
  ScatterTrace,
  Trace,
} from './figure';
export type { NamedValues, NestedArray, NumericArray, NumericInput, TensorLike } from './input';
export type { Reduction } from './reduce';
export { heatmap } from './heatmap';
export type { ColorChoice, HeatmapOptions } from './heatmap';
export { bar } from './bar';
export type { BarOptions, BarSeries } from './bar';
export { line, scatter } from './line';
export type { LineOptions, LineSeries, ScatterOptions } from './line';
export { histogram } from './histogram';
export type { HistogramOptions } from './histogram';
export { attentionPattern } from './attention';
export type { AttentionOptions } from './attention';
export { tokenGrid } from './token-grid';
export type { TokenGridOptions } from './token-grid';
export { lensOf, logitLens } from './logit-lens';
export type { Lens, LogitLensOptions, TokenShare } from './logit-lens';
export { bitPlaneRow, tritBars } from './ternary';
export type { BitPlaneOptions, BitPlanes, TritBarsOptions, TritCounts } from './ternary';
export { activationHistogram, residualNorms } from './activations';
export type { ActivationHistogramOptions, ResidualNormsOptions } from './activations';
export { receiptBars } from './receipts';
export type { ReceiptBarsOptions, ReceiptLike } from './receipts';
export { roofline } from './roofline';
export type { RooflineLimits, RooflineOptions, RooflinePoint } from './roofline';
export { samplerDistributions } from './samplers';
export type { SamplerOptions } from './samplers';
export { tokenLabel } from './label';
export { toSvg } from './svg/render';
export type { SvgOptions } from './svg/render';
