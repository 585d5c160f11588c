import type { Displayable } from './mime';

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Makes values that can be shown also print well: as the last expression of a cell, and in `console.log`, a value with
 * `toDisplay()` appears as its `text/plain` form. Values that already print themselves are left alone.
 *
 * @param target a class or a single object; for a class all its instances are meant
 */
export function installInspect(target: Displayable | (abstract new (...args: never[]) => Displayable)): void {
  const holder: object = typeof target === 'function' ? (target.prototype as object) : target;
  if (INSPECT in holder) return;
  Object.defineProperty(holder, INSPECT, {
    value: function (this: Displayable): string {
      const text = this.toDisplay()['text/plain'];
      return typeof text === 'string' ? text : '[no text form]';
    },
    enumerable: false,
    configurable: true,
  });
}
