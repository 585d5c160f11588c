/**
 * Interrupts as AbortSignals. In a tslab cell the interrupt button ends the cell but not what the cell started, and a SIGINT
 * handler that is registered in the synchronous part of a cell kills the kernel when that same cell is interrupted
 * (tslab puts the process' handlers aside while a cell starts). So nothing is registered at import, and a handler is
 * registered only after the event loop has turned once.
 */

const releases = new WeakMap<AbortSignal, () => void>();
let latest: AbortSignal | undefined;

/**
 * A signal that aborts when the user interrupts: Ctrl-C, or a notebook's stop button. Pass it to any long-running call.
 * It stands for one piece of work: the next call of this function releases it, as does {@link releaseInterrupt}.
 *
 * @example
 * const signal = await interruptSignal();
 * const result = await model.generate(prompt, { signal: signal }).result();
 */
export async function interruptSignal(): Promise<AbortSignal> {
  const signal = await listen();
  if (latest) releaseInterrupt(latest);
  latest = signal;
  return signal;
}

/** Stops listening for a signal of {@link interruptSignal}: Ctrl-C does again what it did before. Harmless when repeated. */
export function releaseInterrupt(signal: AbortSignal): void {
  releases.get(signal)?.();
  if (latest === signal) latest = undefined;
}

/**
 * Does some work with a signal that aborts when the user interrupts, and stops listening when the work is over, however it ends.
 *
 * @param work gets the signal
 * @returns what the work returns
 */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = await listen();
  try {
    return await work(signal);
  } finally {
    releaseInterrupt(signal);
  }
}

async function listen(): Promise<AbortSignal> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
  const controller = new AbortController();
  const release = (): void => {
    process.removeListener('SIGINT', abort);
    releases.delete(controller.signal);
  };
  const abort = (): void => {
    release();
    controller.abort();
  };
  process.on('SIGINT', abort);
  releases.set(controller.signal, release);
  return controller.signal;
}
