import { OptionError } from '../native/errors';

/** Anything that holds memory until it is disposed. */
export interface Disposable {
  dispose(): void;
}

const scopes: Set<Disposable>[] = [];

/** Enters a new value into the innermost scope. */
export function track(value: Disposable): void {
  scopes.at(-1)?.add(value);
}

/** Takes a tensor out of the innermost scope, so that it outlives it. Returns the tensor. */
export function keep<T extends Disposable>(value: T): T {
  for (const scope of scopes) scope.delete(value);
  return value;
}

/**
 * Runs `body` and disposes every tensor made in it, except those it returns (also inside arrays, maps, sets and plain objects) or
 * passes to `keep()`. Scopes nest: what an inner scope returns belongs to the outer one.
 *
 * @throws OptionError if `body` returns a promise: tensors made after an `await` could not be told apart
 */
export function scope<T>(body: () => T): T {
  const mine = new Set<Disposable>();
  scopes.push(mine);
  let result: T;
  try {
    result = body();
    if (typeof (result as { then?: unknown } | undefined)?.then === 'function') {
      throw new OptionError(
        'expected a synchronous function, received one that returns a promise. Await outside and dispose by hand.',
        {
          op: 'scope',
        },
      );
    }
    release(result, mine, new Set());
  } finally {
    scopes.pop();
    for (const value of mine) value.dispose();
  }
  return result;
}

// Moves the tensors reachable from `value` out of `mine` into the scope around it.
function release(value: unknown, mine: Set<Disposable>, seen: Set<unknown>): void {
  if (value === null || typeof value !== 'object' || seen.has(value) || ArrayBuffer.isView(value)) return;
  seen.add(value);
  if (mine.delete(value as Disposable)) {
    scopes.at(-2)?.add(value as Disposable);
    return;
  }
  const inner = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
  for (const item of inner) release(item, mine, seen);
}
