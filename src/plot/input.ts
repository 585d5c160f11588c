/** What figures accept: tensors of any kind, typed arrays and nested arrays, read as float64 values with a shape. */
import { DTypeError, OptionError, ShapeError } from '../native/errors';
import { describe } from '../native/options';

/** Anything with a shape that can hand out its values: every Rotor tensor, on any device. */
export interface TensorLike {
  readonly shape: readonly number[];
  /** A fresh contiguous row-major copy of the values. */
  toFloat64Array(): Float64Array;
}

/** Arrays of numbers, nested to any depth, all rows of equal length. */
export type NestedArray = readonly (number | NestedArray)[];

/** A typed array of numbers. */
export type NumericArray =
  Float64Array | Float32Array | Int32Array | Int16Array | Int8Array | Uint32Array | Uint16Array | Uint8Array;

/** Numbers in any form that figures accept. */
export type NumericInput = TensorLike | NumericArray | NestedArray;

/** A series with its name. */
export interface NamedValues {
  readonly name: string;
  readonly values: NumericInput;
}

/** Values with their shape, row-major. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A matrix, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** Whether a value is a {@link TensorLike}. Goes by form, so tensors of another realm or copy of the library count. */
export function isTensorLike(value: unknown): value is TensorLike {
  if (typeof value !== 'object' || value === null) return false;
  const { shape, toFloat64Array } = value as { shape?: unknown; toFloat64Array?: unknown };
  return Array.isArray(shape) && typeof toFloat64Array === 'function';
}

/**
 * Reads numbers of any accepted form.
 *
 * @param op name of the figure, for the error text
 * @throws DTypeError if something is not a number; ShapeError if nested rows differ in length
 */
export function toValues(op: string, input: NumericInput): Values {
  if (isTensorLike(input)) return { shape: [...input.shape], data: input.toFloat64Array() };
  if (isNumericArray(input)) return { shape: [input.length], data: Float64Array.from(input) };
  if (!Array.isArray(input)) {
    throw new DTypeError(
      `expected a tensor, a typed array or nested arrays of numbers, received ${describe(input)}. Pass the values themselves.`,
      { op },
    );
  }
  const shape = nestedShape(input as NestedArray);
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  fillNested(op, input as NestedArray, shape, 0, data, 0);
  return { shape, data };
}

/** Reads a vector. Axes of length one around it are dropped. */
export function toVector(op: string, input: NumericInput): Float64Array {
  const { shape, data } = toValues(op, input);
  if (shape.filter((n) => n !== 1).length > 1) {
    throw new ShapeError(`expected a vector, received shape [${shape.join(', ')}]. Select one row or column first.`, {
      op,
      details: { shape },
    });
  }
  return data;
}

/** Reads a matrix. A vector becomes one row; leading axes of length one are dropped. */
export function toMatrix(op: string, input: NumericInput): Matrix {
  const { shape, data } = toValues(op, input);
  const kept = [...shape];
  while (kept.length > 2 && kept[0] === 1) kept.shift();
  if (kept.length > 2) {
    throw new ShapeError(
      `expected a matrix, received shape [${shape.join(', ')}]. Select an index of the leading axes first.`,
      { op, details: { shape } },
    );
  }
  if (kept.length < 2) return { rows: 1, cols: data.length, data };
  return { rows: kept[0], cols: kept[1], data };
}

/** Reads a stack of matrices, shape [N, rows, cols]; a single matrix is a stack of one. */
export function toStack(
  op: string,
  input: NumericInput,
): { count: number; rows: number; cols: number; data: Float64Array } {
  const { shape, data } = toValues(op, input);
  if (shape.length === 2) return { count: 1, rows: shape[0], cols: shape[1], data };
  if (shape.length === 3) return { count: shape[0], rows: shape[1], cols: shape[2], data };
  throw new ShapeError(
    `expected shape [rows, cols] or [N, rows, cols], received [${shape.join(', ')}]. Slice or reshape it.`,
    {
      op,
      details: { shape },
    },
  );
}

/** One matrix of a stack, as a view. */
export function stackItem(stack: { rows: number; cols: number; data: Float64Array }, index: number): Matrix {
  const size = stack.rows * stack.cols;
  return { rows: stack.rows, cols: stack.cols, data: stack.data.subarray(index * size, (index + 1) * size) };
}

/**
 * Reads one or several named series: a vector is one series, each row of a matrix is a series, a list of
 * {@link NamedValues} names its own.
 *
 * @param names names of the series of a matrix; needed for no vector
 */
export function toSeries(
  op: string,
  input: NumericInput | readonly NamedValues[],
  names?: readonly string[],
): { name: string; values: Float64Array }[] {
  if (isNamedList(input)) return input.map(({ name, values }) => ({ name, values: toVector(op, values) }));
  const { rows, cols, data } = toMatrix(op, input);
  if (names !== undefined) checkCount(op, 'names', names.length, rows, 'series');
  return Array.from({ length: rows }, (_, i) => ({
    name: names?.[i] ?? (rows === 1 ? '' : String(i)),
    values: data.subarray(i * cols, (i + 1) * cols),
  }));
}

/** Throws an OptionError when a list of labels has not one entry for every row, column or series. */
export function checkCount(op: string, option: string, received: number, expected: number, what: string): void {
  if (received === expected) return;
  throw new OptionError(
    `expected ${expected} ${option} (one for each of the ${what}), received ${received}. Give as many as there are.`,
    { op, details: { option, expected, received } },
  );
}

/** Smallest and largest finite value, and how many are not finite. Empty input gives `[Infinity, -Infinity]`. */
export function finiteRange(data: ArrayLike<number>): { min: number; max: number; skipped: number } {
  let [min, max, skipped] = [Infinity, -Infinity, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!Number.isFinite(value)) skipped++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { min, max, skipped };
}

/** The note on values that cannot be drawn, or nothing when all can. */
export function skippedNote(skipped: number): string | undefined {
  return skipped === 0
    ? undefined
    : `${skipped} ${skipped === 1 ? 'value is' : 'values are'} NaN or infinite, left blank`;
}

function isNumericArray(value: unknown): value is NumericArray {
  if (!ArrayBuffer.isView(value)) return false;
  const kind = Object.prototype.toString.call(value);
  return kind !== '[object DataView]' && !kind.startsWith('[object Big');
}

/** Whether a value is a list of {@link NamedValues}. */
export function isNamedList(input: unknown): input is readonly NamedValues[] {
  const first: unknown = Array.isArray(input) ? input[0] : undefined;
  return typeof first === 'object' && first !== null && 'values' in first && 'name' in first;
}

function nestedShape(input: NestedArray): number[] {
  const shape: number[] = [];
  let level: number | NestedArray | undefined = input;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = (level as NestedArray)[0];
  }
  return shape;
}

function fillNested(
  op: string,
  input: NestedArray,
  shape: readonly number[],
  axis: number,
  out: Float64Array,
  at: number,
): number {
  if (input.length !== shape[axis]) {
    throw new ShapeError(
      `expected ${shape[axis]} values in every row of axis ${axis}, received a row of ${input.length}. Make the rows equal.`,
      { op, details: { axis } },
    );
  }
  for (const item of input) {
    const last = axis === shape.length - 1;
    if (last ? typeof item !== 'number' : !Array.isArray(item)) {
      throw new DTypeError(
        `expected ${last ? 'a number' : 'an array'} at depth ${axis + 1}, received ${describe(item)}. Pass numbers nested evenly.`,
        { op },
      );
    }
    if (last) out[at++] = item as number;
    else at = fillNested(op, item as NestedArray, shape, axis + 1, out, at);
  }
  return at;
}
