import { CaptureError, DTypeError, ShapeError } from '../native/errors';
import { describe } from '../native/options';
import type { TapListener } from '../program/tap';
import { keep } from '../tensor/scope';
import { sameShape, shapeText } from '../tensor/shape';
import { Tensor } from '../tensor/tensor';

/** Sees a value and may return another in its place, of the same shape, dtype and device. */
export type Hook = (value: Tensor, name: string) => Tensor | undefined | void;

/** Keeps the values of the wanted taps. */
export class CacheListener implements TapListener {
  readonly values = new Map<string, Tensor>();

  constructor(readonly wanted: ReadonlySet<string>) {}

  wants(name: string): boolean {
    return this.wanted.has(name);
  }

  tap(name: string, value: Tensor): Tensor {
    // A tensor of its own over the same memory: the model's may be disposed before the run ends.
    this.values.set(name, keep(value.view(value.shape, value.strides, value.offset)));
    return value;
  }

  dispose(): void {
    for (const value of this.values.values()) value.dispose();
    this.values.clear();
  }
}

/** Calls hooks, in the order in which they were given. */
export class HookListener implements TapListener {
  constructor(readonly hooks: ReadonlyMap<string, readonly Hook[]>) {}

  wants(name: string): boolean {
    return this.hooks.has(name);
  }

  tap(name: string, value: Tensor): Tensor {
    let current = value;
    for (const hook of this.hooks.get(name) ?? []) current = checked(name, current, callHook(hook, current, name));
    return current;
  }
}

/** Two listeners, the first one's results seen by the second. */
export class BothListeners implements TapListener {
  constructor(
    readonly first: TapListener,
    readonly second: TapListener,
  ) {}

  wants(name: string): boolean {
    return this.first.wants(name) || this.second.wants(name);
  }

  tap(name: string, value: Tensor): Tensor {
    const seen = this.first.wants(name) ? this.first.tap(name, value) : value;
    return this.second.wants(name) ? this.second.tap(name, seen) : seen;
  }
}

function callHook(hook: Hook, value: Tensor, name: string): unknown {
  try {
    return hook(value, name);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    throw new CaptureError(`hook "${name}": ${error.message}`, { op: 'tap', cause: error, details: { tap: name } });
  }
}

function checked(name: string, old: Tensor, result: unknown): Tensor {
  if (result === undefined) return old;
  if (!(result instanceof Tensor)) {
    throw new ShapeError(`expected hook "${name}" to return a tensor or nothing, received ${describe(result)}.`, {
      op: 'tap',
    });
  }
  if (!sameShape(result.shape, old.shape)) {
    throw new ShapeError(
      `expected hook "${name}" to return shape ${shapeText(old.shape)}, received ${shapeText(result.shape)}.`,
      { op: 'tap' },
    );
  }
  if (result.dtype !== old.dtype) {
    throw new DTypeError(
      `expected hook "${name}" to return dtype ${old.dtype}, received ${result.dtype}. Convert it with cast().`,
      { op: 'tap' },
    );
  }
  return result;
}
