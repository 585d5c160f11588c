/** The display protocol: how a value says what it looks like in a notebook. */

/** One value in several forms, by MIME type; a notebook shows the richest it can. JSON types carry objects, all others strings. */
export interface MimeBundle {
  readonly [mime: string]: unknown;
}

/** A value that knows how to show itself. */
export interface Displayable {
  /** The forms of this value. Has `text/plain` at least. */
  toDisplay(): MimeBundle;
}

/** The symbol of Deno's kernel for the same purpose; its method may be asynchronous. */
export const JUPYTER_DISPLAY: unique symbol = Symbol.for('Jupyter.display');

/** Whether a value follows the display protocol. */
export function isDisplayable(value: unknown): value is Displayable {
  return isObject(value) && typeof value['toDisplay'] === 'function';
}

/** Whether a value has a method under `Symbol.for('Jupyter.display')`. */
export function hasJupyterDisplay(value: unknown): value is { [JUPYTER_DISPLAY](): MimeBundle | Promise<MimeBundle> } {
  return isObject(value) && typeof (value as { [JUPYTER_DISPLAY]?: unknown })[JUPYTER_DISPLAY] === 'function';
}

/** A text as HTML content or attribute value. */
export function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

/**
 * HTML to show as it is. The text must be trusted: nothing is escaped.
 *
 * @param source the HTML
 * @param plain what is shown where HTML is not; by default the HTML without its tags
 */
export function html(source: string, plain: string = source.replace(/<[^<>]*>/g, '')): Displayable {
  return { toDisplay: () => ({ 'text/html': source, 'text/plain': plain }) };
}

/** Markdown to show rendered. */
export function markdown(source: string): Displayable {
  return { toDisplay: () => ({ 'text/markdown': source, 'text/plain': source }) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
