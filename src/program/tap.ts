import type { Tensor } from '../tensor/tensor';

/** Whoever listens to the named values of a model while it runs or is captured. */
export interface TapListener {
  /** Whether {@link tap} should be called for this name. */
  wants(name: string): boolean;
  /** Sees the value; what it returns takes its place. */
  tap(name: string, value: Tensor): Tensor;
}

let listener: TapListener | undefined;

/** Whether someone listens to `name`: code with a fused path uses it to choose the one that shows the value. */
export function tapped(...names: string[]): boolean {
  return listener !== undefined && names.some((name) => listener?.wants(name));
}

/**
 * Offers a value of the model under a TransformerLens name. Returns the value, or what a hook put in its place.
 *
 * @param name for example `blocks.0.attn.hook_pattern`
 */
export function tap(name: string, value: Tensor): Tensor {
  return listener?.wants(name) ? listener.tap(name, value) : value;
}

/** The listener in force, if any. */
export function activeListener(): TapListener | undefined {
  return listener;
}

/** Runs `body` with `next` listening; `undefined` silences an outer listener. */
export function withTaps<T>(next: TapListener | undefined, body: () => T): T {
  const outer = listener;
  listener = next;
  try {
    return body();
  } finally {
    listener = outer;
  }
}
