/**
 * What a notebook needs beyond the model: showing values, live progress, streaming text, interrupts. Everything also works in a
 * plain Node program, where it prints text.
 */
export { inNotebook } from './kernel';
export { html, markdown } from './mime';
export type { Displayable, MimeBundle } from './mime';
export { loadPlotly, show, showLive } from './show';
export type { LiveDisplay } from './show';
export { table } from './table';
export type { Column, Table, TableOptions, TableRow } from './table';
export { progress, track } from './progress';
export type { Progress, ProgressOptions, ProgressReport } from './progress';
export { streamText, textStream } from './stream';
export type { TextPiece, TextStream, TextStreamOptions } from './stream';
export { interruptSignal, releaseInterrupt, withInterrupt } from './interrupt';
export { installInspect } from './inspect';
