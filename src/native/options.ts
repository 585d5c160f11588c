import { OptionError } from './errors';

/**
 * Checks that an options object has known names only, so that a misspelled option is an error instead of being ignored.
 *
 * @param where function or class the options belong to, for the error text
 * @param given the options as the caller passed them; `undefined` passes
 * @param allowed every name that may occur
 * @throws OptionError if `given` is not a plain object or has an unknown name; the text offers the nearest valid name
 */
export function checkOptions(where: string, given: unknown, allowed: readonly string[]): void {
  if (given === undefined) return;
  if (given === null || typeof given !== 'object' || Array.isArray(given) || ArrayBuffer.isView(given)) {
    throw new OptionError(
      `expected an options object, received ${describe(given)}. Pass an object such as { ${allowed[0] ?? ''} }.`,
      { op: where, details: { allowed } },
    );
  }
  for (const name of Object.keys(given)) {
    if (allowed.includes(name)) continue;
    const near = nearestName(name, allowed);
    const hint = near === undefined ? 'Remove it.' : `Did you mean "${near}"?`;
    throw new OptionError(
      `expected ${allowed.length === 0 ? 'no options' : `options among ${allowed.join(', ')}`}, received "${name}". ${hint}`,
      { op: where, details: { name, allowed, nearest: near } },
    );
  }
}

/**
 * The name in `names` that `name` most likely meant: smallest Damerau-Levenshtein distance (insertions, deletions,
 * substitutions and swaps of neighbours), ignoring case; the earlier name wins a tie.
 *
 * @returns the nearest name, or `undefined` when none is close: one edit for up to three letters, else two or a third
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 1 + (name.length <= 3 ? 1 : Math.max(2, Math.floor(name.length / 3)));
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  // A name is short; longer input is not a misspelling and must not cost quadratic time.
  if (Math.abs(a.length - b.length) > 16 || a.length > 200) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}

/** A short human description of any value, for error texts. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return value.length > 60 ? `"${value.slice(0, 57)}…"` : JSON.stringify(value);
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value !== 'object') return `${String(value)} (${typeof value})`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return Object.prototype.toString.call(value).slice(8, -1);
}
