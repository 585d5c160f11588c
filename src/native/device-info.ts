import { guarded, type MemoryStats, native, type NativeDeviceInfo } from './addon';
import { OptionError } from './errors';
import { describe } from './options';

/** The CPU as a device. */
export interface CpuDescription extends Omit<NativeDeviceInfo, 'abiVersion'> {
  readonly name: 'cpu';
}

/** The float64 definition as a device. */
export interface ReferenceDescription {
  readonly name: 'reference';
  readonly variant: 'float64';
}

/** A device that tensors can live on. */
export type DeviceDescription = CpuDescription | ReferenceDescription;

/**
 * The devices of this machine: `cpu` with the kernel variant in use, those that could be chosen with `ROTOR_CPU`, the CPU's
 * name, cores and threads; and `reference`, the float64 definition in TypeScript.
 */
export function deviceInfo(): [CpuDescription, ReferenceDescription] {
  const { abiVersion: _, ...cpu } = native().deviceInfo();
  return [
    { name: 'cpu', ...cpu },
    { name: 'reference', variant: 'float64' },
  ];
}

/** Threads that kernels run on. */
export function getThreads(): number {
  return native().getThreads();
}

/**
 * Sets the number of threads of the whole process. Results do not depend on it.
 *
 * @throws OptionError unless `count` is a whole number from 1 to 1024
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count)) {
    throw new OptionError(`expected a whole number of threads, received ${describe(count)}.`, { op: 'setThreads' });
  }
  guarded(() => native().setThreads(count));
}

/** Counters of native memory: buffers and bytes alive now, most bytes ever alive, allocations so far. */
export function memoryStats(): MemoryStats {
  return native().stats();
}
