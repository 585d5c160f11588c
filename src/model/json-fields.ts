import { LoadError } from '../native/errors';
import { describe } from '../native/options';

/** Limits of a number; both ends belong to it. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A JSON object that nobody vouches for: every field is checked for type and range when it is read. */
export class JsonFields {
  /** The object itself. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #op: string;

  /**
   * @param op function on whose behalf the object is read, for the error text
   * @param where file (and path inside it) of the object, for the error text
   * @throws LoadError if `json` is not an object
   */
  constructor(op: string, where: string, json: unknown) {
    this.#op = op;
    this.#where = where;
    if (json === null || typeof json !== 'object' || Array.isArray(json)) {
      throw new LoadError(
        `expected a JSON object in ${where}, received ${describe(json)}. Use the file of the model.`,
        {
          op,
          details: { where },
        },
      );
    }
    this.raw = json as Record<string, unknown>;
  }

  /** True when the field is there and not `null`. */
  has(name: string): boolean {
    return Object.hasOwn(this.raw, name) && this.raw[name] !== null && this.raw[name] !== undefined;
  }

  /** The value of the field; `undefined` when it is missing or `null`. */
  get(name: string): unknown {
    return this.has(name) ? this.raw[name] : undefined;
  }

  /** @throws LoadError if the field is not an integer within `range` */
  integer(name: string, range: Range): number {
    const value = this.get(name);
    if (Number.isSafeInteger(value) && within(value as number, range)) return value as number;
    throw this.fault(name, `an integer from ${range.min} to ${range.max}`);
  }

  /** @throws LoadError if the field is not a finite number within `range` */
  number(name: string, range: Range): number {
    const value = this.get(name);
    if (typeof value === 'number' && within(value, range)) return value;
    throw this.fault(name, `a number from ${range.min} to ${range.max}`);
  }

  /** @throws LoadError if the field is not true or false */
  boolean(name: string): boolean {
    const value = this.get(name);
    if (typeof value === 'boolean') return value;
    throw this.fault(name, 'true or false');
  }

  /** @throws LoadError if the field is not a string */
  string(name: string): string {
    const value = this.get(name);
    if (typeof value === 'string') return value;
    throw this.fault(name, 'a string');
  }

  /** The object inside a field; `undefined` when the field is missing. */
  object(name: string): JsonFields | undefined {
    return this.has(name) ? new JsonFields(this.#op, `${this.#where}, ${name}`, this.raw[name]) : undefined;
  }

  /** The error for a field that is missing or wrong. */
  fault(name: string, expected: string): LoadError {
    const value = Object.hasOwn(this.raw, name) ? this.raw[name] : undefined;
    const received = value === undefined ? 'nothing' : describe(value);
    return new LoadError(
      `expected "${name}" in ${this.#where} to be ${expected}, received ${received}. Correct the file or fetch it again.`,
      { op: this.#op, details: { where: this.#where, field: name, value } },
    );
  }
}

function within(value: number, { min, max }: Range): boolean {
  return value >= min && value <= max;
}
