import { parseArgs } from 'node:util';

import { nearestName } from '../native/options';
import { UsageError } from './usage-error';

/** A flag of a command. */
export interface Flag {
  /** Name without the dashes: `max-tokens`. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What the value is called in the help; a flag without one is a switch. */
  readonly value?: string;
  readonly help: string;
  /** The only values allowed. */
  readonly choices?: readonly string[];
  readonly required?: boolean;
}

/** The flags that were given, read by the type that they must have. */
export class Flags {
  readonly #command: string;
  readonly #values: ReadonlyMap<string, readonly (string | true)[]>;

  constructor(command: string, values: ReadonlyMap<string, readonly (string | true)[]>) {
    this.#command = command;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value, the last one when there are several. */
  text(name: string): string | undefined {
    return this.texts(name)?.at(-1);
  }

  /** Every value. */
  texts(name: string): string[] | undefined {
    return this.#values.get(name)?.map(String);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value)) return value;
    throw this.fault(`expected a number for --${name}, received "${text}".`);
  }

  whole(name: string, least = 0): number | undefined {
    const value = this.number(name);
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value;
    throw this.fault(`expected a whole number from ${least} for --${name}, received "${this.text(name)}".`);
  }

  /** Whole numbers separated by commas. */
  list(name: string): number[] | undefined {
    return this.lists(name)?.at(-1);
  }

  /** The same of every time the flag was given. */
  lists(name: string): number[][] | undefined {
    return this.texts(name)?.map((text) => this.#list(name, text));
  }

  #list(name: string, text: string): number[] {
    const parts = text.split(',').map((part) => part.trim());
    if (parts.every((part) => /^\d+$/.test(part))) return parts.map(Number);
    throw this.fault(`expected whole numbers separated by commas for --${name}, received "${text}".`);
  }

  fault(text: string): UsageError {
    return new UsageError(text, this.#command);
  }
}

/**
 * Reads the arguments of a command.
 *
 * @throws UsageError for an unknown flag (naming the nearest), a missing or superfluous value, anything else on the line
 */
export function parseFlags(command: string, flags: readonly Flag[], args: readonly string[]): Flags {
  const options = Object.fromEntries(
    flags.map(({ name, short, value }) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const values = new Map<string, (string | true)[]>();
  const fail = (text: string): UsageError => new UsageError(text, command);
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw fail(`expected flags only, received "${token.value}".`);
    const flag = flags.find(({ name }) => name === token.name);
    if (flag === undefined) throw fail(unknownFlag(token.rawName, flags));
    const { value } = token;
    if (flag.value === undefined && value !== undefined)
      throw fail(`expected no value for --${flag.name}, received "${value}".`);
    if (flag.value !== undefined && (value === undefined || (!token.inlineValue && isFlag(value, flags)))) {
      throw fail(`expected ${flag.value} after ${token.rawName}, received ${value ?? 'nothing'}.`);
    }
    if (flag.choices !== undefined && !flag.choices.includes(String(value))) {
      const near = nearestName(String(value), flag.choices);
      const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
      throw fail(`expected ${flag.choices.join(' or ')} for --${flag.name}, received "${value}".${hint}`);
    }
    values.set(flag.name, [...(values.get(flag.name) ?? []), value ?? true]);
  }
  const missing = values.has('help') ? undefined : flags.find(({ name, required }) => required && !values.has(name));
  if (missing !== undefined) throw fail(`expected --${missing.name} ${missing.value ?? ''}, received none.`);
  return new Flags(command, values);
}

// The dash of a negative number or of a text is no flag.
function isFlag(value: string, flags: readonly Flag[]): boolean {
  return flags.some(
    ({ name, short }) => value === `--${name}` || value.startsWith(`--${name}=`) || value === `-${short}`,
  );
}

function unknownFlag(given: string, flags: readonly Flag[]): string {
  const near = nearestName(
    given.replace(/^-+/, ''),
    flags.map(({ name }) => name),
  );
  return `expected a known flag, received ${given}.${near === undefined ? '' : ` Did you mean --${near}?`}`;
}

/** The lines of a help text that explain the flags. */
export function describeFlags(flags: readonly Flag[]): string {
  const left = flags.map(
    ({ name, short, value }) =>
      `${short === undefined ? '   ' : `-${short},`} --${name}${value === undefined ? '' : ` ${value}`}`,
  );
  const width = Math.max(...left.map((text) => text.length));
  return flags.map(({ help }, i) => `  ${left[i].padEnd(width)}  ${help}`).join('\n');
}
