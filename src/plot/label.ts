/** Words and numbers on a figure: escaping, visible whitespace in tokens, short numbers, ticks. */
import type { Axis } from './figure';
import { MONO_FAMILY } from './theme';

/** A text that plotly shows as it is: `<`, `>` and `&` are escaped, line breaks become `<br>`. */
export function plotlyText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\n/g, '<br>');
}

const CONTROL_MARKS: Readonly<Record<string, string>> = { '\n': '↵', '\t': '⇥', '\r': '␍', ' ': '·' };

/**
 * A token as a label: whitespace at its ends and control characters become visible, an empty token becomes `∅`.
 *
 * @param token - The text of one token.
 * @param maxLength - Longest label in code points; a longer one ends in `…`.
 */
export function tokenLabel(token: string, maxLength = 24): string {
  if (token === '') return '∅';
  const visible = token
    .replace(/^ +| +$/g, (spaces) => '·'.repeat(spaces.length))
    .replace(
      /[\u0000-\u001f\u007f]/g,
      (c) => CONTROL_MARKS[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
  return shorten(visible, maxLength);
}

/** A text cut to `maxLength` code points, the last one `…` when something was cut. */
export function shorten(text: string, maxLength: number): string {
  const points = [...text];
  return points.length <= maxLength ? text : `${points.slice(0, Math.max(1, maxLength - 1)).join('')}…`;
}

/** A number for people: at most `digits` significant digits, no trailing zeros, `NaN` and `∞` named. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (value === 0) return '0';
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4)
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  const text = value.toPrecision(digits);
  return text.includes('e') ? String(Number(text)) : text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A share from 0 to 1 as a percentage. */
export function formatPercent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** Drops digits nobody can see, which keeps figures small; values that are not finite become gaps. */
export function round(value: number, digits = 6): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(digits)) : null;
}

/** How tick labels are laid out. */
export interface TickOptions {
  /** Most labels on the axis; beyond that every second, third, … is shown and hover text has the rest. */
  readonly maxTicks?: number;
  /** Longest label in characters. */
  readonly maxLength?: number;
  /** Turn labels by -45 degrees when they are long. For x axes. */
  readonly turn?: boolean;
  /** Set the labels in a fixed-width font. */
  readonly mono?: boolean;
}

/** Ticks at 0, 1, 2, … with the given names. */
export function labelTicks(labels: readonly string[], options: TickOptions = {}): Axis {
  const { maxTicks = 48, maxLength = 24, turn = false, mono = false } = options;
  const step = Math.max(1, Math.ceil(labels.length / maxTicks));
  const tickvals: number[] = [];
  const ticktext: string[] = [];
  for (let i = 0; i < labels.length; i += step) {
    tickvals.push(i);
    ticktext.push(plotlyText(shorten(labels[i], maxLength)));
  }
  const longest = ticktext.reduce((most, text) => Math.max(most, text.length), 0);
  const crowded = longest * tickvals.length > 90;
  return {
    tickmode: 'array',
    tickvals,
    ticktext,
    ...(turn && crowded ? { tickangle: -45 } : {}),
    ...(mono ? { tickfont: { family: MONO_FAMILY, size: 11 } } : {}),
  };
}

/** Pixels that the longest of some labels takes beside an axis. */
export function labelRoom(labels: readonly string[], maxLength = 24, base = 40): number {
  const longest = labels.reduce((most, text) => Math.max(most, Math.min(maxLength, [...text].length)), 0);
  return Math.round(base + longest * 7);
}
