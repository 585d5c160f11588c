/**
 * The way to the notebook's kernel, tslab. Nothing outside this folder knows of it, and within the folder only this file
 * touches its internals: its public `display` sends one MIME type at a time, which is too little for a figure with a fallback.
 */
import { randomBytes } from 'node:crypto';
import type { MimeBundle } from './mime';

/** Sends one display message; with `update`, it replaces the output of the same `display_id`. */
export type DisplayWriter = (
  message: {
    readonly data: MimeBundle;
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly transient: { readonly display_id?: string };
  },
  update: boolean,
) => void;

interface PublicDisplay {
  raw(mime: string, content: unknown): void;
}

interface TslabModule {
  readonly display: PublicDisplay;
}

interface KernelGlobal {
  readonly __tslab__?: { require(id: string): TslabModule };
}

/** The kernel's own module, which is there whenever the kernel is. */
const KERNEL = 'tslab';

let replaced: DisplayWriter | undefined;

/** Sends displays elsewhere: for a kernel other than tslab, and for tests. `undefined` goes back to tslab. */
export function useWriter(writer: DisplayWriter | undefined): void {
  replaced = writer;
}

/** Whether this process is a notebook kernel that displays can be sent to. */
export function inNotebook(): boolean {
  return replaced !== undefined || typeof tslab() === 'object';
}

/**
 * The writer of the cell that runs now. Each run of a cell has another one, so it also tells runs apart. A writer that is
 * kept goes on writing below its own cell, even when other cells have run since.
 */
export function cellWriter(): DisplayWriter | undefined {
  if (replaced) return replaced;
  const kernel = tslab();
  return kernel && (internalWriter() ?? publicWriter(kernel));
}

/** A name for an output that will be updated, unlike any other, also of earlier kernels of the same notebook. */
export function newDisplayId(): string {
  return `rotor-${randomBytes(8).toString('hex')}`;
}

const waiting: (() => void)[] = [];

/**
 * Sends a bundle. The kernel's socket refuses when hundreds of messages came in one turn of the event loop; what it
 * refuses is sent in a later turn, in order.
 */
export function sendBundle(writer: DisplayWriter, data: MimeBundle, displayId?: string, update = false): void {
  const send = (): void =>
    writer({ data, metadata: {}, transient: displayId === undefined ? {} : { display_id: displayId } }, update);
  if (waiting.length === 0) {
    try {
      send();
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }
  waiting.push(send);
  if (waiting.length === 1) setImmediate(drain);
}

function drain(): void {
  while (waiting.length > 0) {
    try {
      waiting[0]();
    } catch (error) {
      if (isBusy(error)) {
        setImmediate(drain);
        return;
      }
      process.stderr.write(`A display could not be sent: ${String(error)}\n`);
    }
    waiting.shift();
  }
}

function isBusy(error: unknown): boolean {
  return /busy writing|EAGAIN/i.test(String(error));
}

function tslab(): KernelGlobal['__tslab__'] {
  return (globalThis as KernelGlobal).__tslab__;
}

/** tslab's own sender of whole bundles, found among the loaded modules. It changes with every run of a cell. */
function internalWriter(): DisplayWriter | undefined {
  const path = Object.keys(require.cache).find((file) => /tslab[\\/]dist[\\/]jupyter\.js$/.test(file));
  if (path === undefined) return undefined;
  const { lastWriteDisplayData } = (require.cache[path]?.exports ?? {}) as { lastWriteDisplayData?: DisplayWriter };
  return typeof lastWriteDisplayData === 'function' ? lastWriteDisplayData : undefined;
}

/** The public way: the richest form alone, and no updates. */
function publicWriter(kernel: { require(id: string): TslabModule }): DisplayWriter {
  return ({ data }, update) => {
    if (update) return;
    const mime = ['text/html', 'text/markdown', 'text/plain'].find((type) => type in data);
    if (mime !== undefined) kernel.require(KERNEL).display.raw(mime, data[mime]);
  };
}
