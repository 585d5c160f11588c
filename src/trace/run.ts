import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import type { BitNet } from '../model/bitnet';
import { checkIds, consecutiveRows } from '../model/rows';
import { copy } from '../ops/copy';
import { capture } from '../program/capture';
import type { TapListener } from '../program/tap';
import { withTaps } from '../program/tap';
import { scope, track } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { ActivationCache } from './cache';
import { BothListeners, CacheListener, type Hook, HookListener } from './listeners';
import { type NamesFilter, selectTaps } from './names';

/** `eager` computes op by op; `captured` records the run with its hooks as a program and replays it once. The bits are the same. */
export type RunMode = 'eager' | 'captured';

/** Options of {@link runWithHooks}. */
export interface HookOptions {
  /** Pairs of taps (a name, a pattern with `*`, or a test) and what to do with their value. */
  fwdHooks?: readonly (readonly [NamesFilter, Hook])[];
  /** Default `eager`. */
  mode?: RunMode;
}

/** Options of {@link runWithCache}. */
export interface CacheOptions extends HookOptions {
  /** Taps to keep. Default: all of them. */
  namesFilter?: NamesFilter;
}

/**
 * Logits of every position of a sequence, f32 `[T, V]`.
 *
 * @throws OptionError for an empty sequence or an id outside the vocabulary; ContextError beyond the model's context
 */
export function run(model: BitNet, ids: ArrayLike<number>): Tensor {
  return runListening('run', model, ids, 'eager', undefined);
}

/**
 * As {@link run}, and every value that a hook is named for passes through it on its way.
 *
 * @throws OptionError if a name means no tap; ShapeError or DTypeError if a hook returns something that does not fit;
 *   CaptureError, naming the tap, if a hook reads data in `captured` mode
 */
export function runWithHooks(model: BitNet, ids: ArrayLike<number>, options: HookOptions = {}): Tensor {
  checkOptions('runWithHooks', options, ['fwdHooks', 'mode']);
  return runListening(
    'runWithHooks',
    model,
    ids,
    modeOf(options),
    hookListener('runWithHooks', model, options.fwdHooks),
  );
}

/**
 * As {@link run}, and keeps the values of the taps. Hooks run first, so the cache holds what they put in place.
 *
 * The tensors belong to the caller: dispose the cache, or call inside `scope()` and return it or the values that are needed.
 */
export function runWithCache(
  model: BitNet,
  ids: ArrayLike<number>,
  options: CacheOptions = {},
): { logits: Tensor; cache: ActivationCache } {
  checkOptions('runWithCache', options, ['namesFilter', 'fwdHooks', 'mode']);
  const listener = new CacheListener(selectTaps('runWithCache', model.config, options.namesFilter));
  const hooks = hookListener('runWithCache', model, options.fwdHooks);
  try {
    const logits = runListening(
      'runWithCache',
      model,
      ids,
      modeOf(options),
      hooks === undefined ? listener : new BothListeners(hooks, listener),
      listener,
    );
    for (const value of listener.values.values()) track(value); // from here on the caller's
    return { logits, cache: new ActivationCache(model.config, listener.values) };
  } catch (error) {
    listener.dispose();
    throw error;
  }
}

function modeOf({ mode = 'eager' }: HookOptions): RunMode {
  if (mode !== 'eager' && mode !== 'captured')
    throw new OptionError(`expected mode "eager" or "captured", received ${String(mode)}.`, { op: 'run' });
  return mode;
}

/** The listener for a list of hooks; undefined when there are none. */
export function hookListener(
  op: string,
  model: BitNet,
  fwdHooks: HookOptions['fwdHooks'] = [],
): TapListener | undefined {
  const hooks = new Map<string, Hook[]>();
  for (const [filter, hook] of fwdHooks) {
    if (typeof hook !== 'function')
      throw new OptionError('expected pairs of a tap and a function in fwdHooks.', { op });
    for (const name of selectTaps(op, model.config, filter)) hooks.set(name, [...(hooks.get(name) ?? []), hook]);
  }
  return hooks.size === 0 ? undefined : new HookListener(hooks);
}

function runListening(
  op: string,
  model: BitNet,
  ids: ArrayLike<number>,
  mode: RunMode,
  listener: TapListener | undefined,
  kept?: CacheListener,
): Tensor {
  checkIds(op, ids, model.config);
  return scope(() => {
    const rows = consecutiveRows(ids, model.device);
    const cache = model.makeCache(1, ids.length);
    try {
      const forward = (): Tensor => withTaps(listener, () => model.forward(rows, cache));
      return mode === 'eager' ? forward() : replayed(forward, kept);
    } finally {
      cache.dispose();
    }
  });
}

// Captures, steps once, and copies what must outlive the program.
function replayed(forward: () => Tensor, kept: CacheListener | undefined): Tensor {
  const program = capture(() => {
    const logits = forward();
    return { logits, values: [...(kept?.values.values() ?? [])] };
  });
  try {
    program.stepSync();
    const { logits } = program.outputs;
    for (const [name, value] of kept?.values ?? []) kept?.tap(name, copy(value));
    return copy(logits);
  } finally {
    program.dispose();
  }
}
