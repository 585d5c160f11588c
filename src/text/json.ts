import { LoadError } from '../native/errors';
import { describe } from '../native/options';

/** A parsed JSON object of unknown content. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a parsed JSON value is an object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The LoadError for a tokenizer file whose content is not what it must be. */
export function malformed(where: string, expected: string, received: unknown): LoadError {
  return new LoadError(
    `expected ${expected} in ${where}, received ${describe(received)}. Restore the file from where the model came from.`,
    { op: 'loadTokenizer', details: { where } },
  );
}

/** `value` as an object, or a LoadError that says what `expected` is missing `where`. */
export function asObject(value: unknown, where: string, expected: string): JsonObject {
  if (!isObject(value)) throw malformed(where, expected, value);
  return value;
}

/** `value` as an array, or a LoadError that says what `expected` is missing `where`. */
export function asArray(value: unknown, where: string, expected: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(where, expected, value);
  return value;
}
