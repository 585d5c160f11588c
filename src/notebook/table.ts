/** Tables: the same rows as HTML for notebooks and as aligned text for terminals. */
import { OptionError } from '../native/errors';
import { checkOptions, describe } from '../native/options';
import { formatNumber } from '../plot/label';
import type { Displayable, MimeBundle } from './mime';
import { escapeHtml } from './mime';

/** A column of a table. */
export interface Column {
  /** Name of the property it shows. */
  readonly key: string;
  /** Heading. Default: the key. */
  readonly label?: string;
  /** Default: right when all its values are numbers. */
  readonly align?: 'left' | 'right';
  /** How a value becomes text. Default: numbers with four significant digits. */
  readonly format?: (value: unknown) => string;
}

/** Options of {@link table}. */
export interface TableOptions {
  readonly title?: string;
  /** Columns and their order. Default: every property that occurs, in the order met. */
  readonly columns?: readonly (string | Column)[];
  /** Most rows shown; a last line says how many more there are. Default 200. */
  readonly maxRows?: number;
}

/** A row: an object with a property per column, or an array in the order of the columns. */
export type TableRow = Readonly<Record<string, unknown>> | readonly unknown[];

/** A table that shows itself, in notebooks as HTML and elsewhere as text. */
export interface Table extends Displayable {
  /** The table as aligned text. */
  toString(): string;
}

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * A table of rows.
 *
 * @param rows objects, or arrays together with the `columns` option
 * @param options title, columns
 * @returns a value for `show`; as the last expression of a cell it prints as text
 * @throws OptionError when a row is neither, or columns are missing for arrays
 */
export function table(rows: readonly TableRow[], options: TableOptions = {}): Table {
  checkOptions('table', options, ['title', 'columns', 'maxRows']);
  const { title, maxRows = 200 } = options;
  const columns = chooseColumns(rows, options.columns);
  const shown = rows.slice(0, maxRows);
  const right = columns.map(({ key, align }, c) => (align ? align === 'right' : isNumeric(shown, key, c)));
  const cells = shown.map((row) => columns.map((column, c) => cellText(valueOf(row, column.key, c), column.format)));
  const rest = rows.length - shown.length;
  const heads = columns.map(({ key, label }) => label ?? key);
  const more = rest > 0 ? `… ${rest} more row${rest === 1 ? '' : 's'}` : undefined;
  const text = (): string => asText(title, heads, cells, right, more);
  const result: Table = {
    toDisplay: (): MimeBundle => ({ 'text/html': asHtml(title, heads, cells, right, more), 'text/plain': text() }),
    toString: text,
  };
  Object.defineProperty(result, INSPECT, { value: text, enumerable: false });
  return result;
}

function chooseColumns(rows: readonly TableRow[], given: TableOptions['columns']): readonly Column[] {
  const wrong = rows.find((row) => typeof row !== 'object' || row === null);
  if (wrong !== undefined) {
    throw new OptionError(`expected rows to be objects or arrays, received ${describe(wrong)}. Wrap each row.`, {
      op: 'table',
    });
  }
  if (given) return given.map((column) => (typeof column === 'string' ? { key: column } : column));
  if (rows.some((row) => Array.isArray(row))) {
    throw new OptionError('expected the columns option for rows that are arrays, received none. Name the columns.', {
      op: 'table',
    });
  }
  return [...new Set(rows.flatMap((row) => Object.keys(row)))].map((key) => ({ key }));
}

function valueOf(row: TableRow, key: string, index: number): unknown {
  return Array.isArray(row) ? (row as readonly unknown[])[index] : (row as Readonly<Record<string, unknown>>)[key];
}

function isNumeric(rows: readonly TableRow[], key: string, index: number): boolean {
  const values = rows.map((row) => valueOf(row, key, index)).filter((value) => value !== undefined && value !== null);
  return values.length > 0 && values.every((value) => typeof value === 'number' || typeof value === 'bigint');
}

function cellText(value: unknown, format: Column['format']): string {
  if (format) return format(value);
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return formatNumber(value);
  if (Array.isArray(value)) return value.map((item) => cellText(item, undefined)).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function asText(
  title: string | undefined,
  heads: readonly string[],
  cells: readonly string[][],
  right: readonly boolean[],
  more: string | undefined,
): string {
  const plain = cells.map((row) => row.map((text) => text.replace(/\s*\n\s*/g, ' ')));
  const width = (text: string): number => [...text].length;
  const widths = heads.map((head, c) => plain.reduce((most, row) => Math.max(most, width(row[c])), width(head)));
  const pad = (text: string, c: number): string => {
    const space = ' '.repeat(widths[c] - width(text));
    return right[c] ? space + text : text + space;
  };
  const line = (row: readonly string[]): string => row.map(pad).join('  ').trimEnd();
  const rule = widths.map((n) => '─'.repeat(n)).join('  ');
  return [
    ...(title === undefined ? [] : [title]),
    line(heads),
    rule,
    ...plain.map(line),
    ...(more === undefined ? [] : [more]),
  ].join('\n');
}

function asHtml(
  title: string | undefined,
  heads: readonly string[],
  cells: readonly string[][],
  right: readonly boolean[],
  more: string | undefined,
): string {
  const style = (c: number): string => `style="text-align:${right[c] ? 'right' : 'left'};padding:2px 10px"`;
  const row = (texts: readonly string[], tag: 'th' | 'td'): string =>
    `<tr>${texts.map((text, c) => `<${tag} ${style(c)}>${escapeHtml(text).replace(/\n/g, '<br>')}</${tag}>`).join('')}</tr>`;
  const caption =
    title === undefined
      ? ''
      : `<caption style="text-align:left;font-weight:600;padding:4px 10px">${escapeHtml(title)}</caption>`;
  const last =
    more === undefined
      ? ''
      : `<tr><td colspan="${heads.length}" style="text-align:left;padding:2px 10px">${escapeHtml(more)}</td></tr>`;
  return `<table style="border-collapse:collapse">${caption}<thead>${row(heads, 'th')}</thead><tbody>${cells.map((texts) => row(texts, 'td')).join('')}${last}</tbody></table>`;
}
