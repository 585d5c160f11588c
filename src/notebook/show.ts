import { inspect } from 'node:util';
import type { Figure } from '../plot/figure';
import { isFigure } from '../plot/figure';
import { isTensorLike } from '../plot/input';
import { figureBundle, needsPlotly, plotlyScript } from './figure-html';
import type { DisplayWriter } from './kernel';
import { cellWriter, sendBundle } from './kernel';
import { LiveOutput } from './output';
import type { MimeBundle } from './mime';
import { hasJupyterDisplay, isDisplayable, JUPYTER_DISPLAY } from './mime';
import { tensorBundle } from './tensor-html';

/**
 * Shows values below the running cell: figures (interactive, with a static picture for readers that run no scripts), tensors
 * (values on a heat colour), tables, and whatever has a `toDisplay()` or `Symbol.for('Jupyter.display')` method. Anything
 * else, and everything outside a notebook, is printed as text.
 *
 * @example
 * show(attentionPattern(cache.get('pattern', 0)));
 */
export function show(...values: readonly unknown[]): void {
  const writer = cellWriter();
  for (const value of values) {
    const bundle = bundleOf(value, writer);
    if (isPromise(bundle)) {
      bundle.then(
        (ready) => emit(ready, writer),
        (error: unknown) => process.stderr.write(`${inspect(error)}\n`),
      );
    } else emit(bundle, writer);
  }
}

/** A shown value that can be replaced. */
export interface LiveDisplay {
  /** Shows another value in the same place, at most ten times a second; the latest wins. */
  update(value: unknown): void;
  /** Shows the last value now, whatever the time. */
  done(value?: unknown): void;
}

/**
 * Shows a value that will change, such as a figure that grows during a run. Outside a notebook only the last value is printed.
 *
 * @param value the first value; nothing is shown without one
 */
export function showLive(value?: unknown): LiveDisplay {
  let current = value;
  const writer = cellWriter();
  const output = LiveOutput.open(() => syncBundle(current, writer), 250);
  if (value !== undefined) output?.changed();
  return {
    update(next: unknown): void {
      current = next;
      output?.changed();
    },
    done(last: unknown = current): void {
      current = last;
      if (output) output.flush();
      else show(current);
    },
  };
}

/**
 * Brings plotly into the notebook now. Figures do this by themselves; call it in the first cell of a notebook whose later cells
 * are run again and again, so that plotly stays where it is whichever figure is redrawn. Does nothing outside a notebook.
 */
export function loadPlotly(): void {
  const writer = cellWriter();
  if (!writer) return;
  // Under a name of its own this always sends, also when this cell runs again, and no figure takes it for its own.
  needsPlotly('\0setup', Symbol('run'));
  sendBundle(writer, { 'text/html': plotlyScript(), 'text/plain': '' });
}

/** The forms of a value, as {@link show} would send them. */
export function bundleOf(value: unknown, writer?: DisplayWriter): MimeBundle | Promise<MimeBundle> {
  if (isDisplayable(value)) return value.toDisplay();
  if (hasJupyterDisplay(value)) return value[JUPYTER_DISPLAY]();
  return plainBundle(value, writer);
}

function syncBundle(value: unknown, writer: DisplayWriter | undefined): MimeBundle {
  const bundle = bundleOf(value, writer);
  return isPromise(bundle) ? plainBundle(value, writer) : bundle;
}

function plainBundle(value: unknown, writer: DisplayWriter | undefined): MimeBundle {
  if (isFigure(value)) return bundleOfFigure(value, writer);
  if (isTensorLike(value)) return tensorBundle(value);
  return { 'text/plain': typeof value === 'string' ? value : inspect(value) };
}

function bundleOfFigure(figure: Figure, writer: DisplayWriter | undefined): MimeBundle {
  return figureBundle(figure, writer !== undefined && needsPlotly(figure.layout.title.text, writer));
}

function emit(bundle: MimeBundle, writer: DisplayWriter | undefined): void {
  if (writer) sendBundle(writer, bundle);
  else process.stdout.write(`${textOf(bundle)}\n`);
}

function textOf(bundle: MimeBundle): string {
  const text = bundle['text/plain'] ?? bundle['text/markdown'] ?? Object.keys(bundle).join(', ');
  return typeof text === 'string' ? text : inspect(text);
}

function isPromise(value: MimeBundle | Promise<MimeBundle>): value is Promise<MimeBundle> {
  return typeof (value as { then?: unknown }).then === 'function';
}
