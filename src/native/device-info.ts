import type { MemoryStats, NativeDeviceInfo, NativeDeviceProperties } from './addon';
import { fromNative, guarded, native } from './addon';
import { deviceNumber } from './devices';
import { DeviceError, OptionError, UnsupportedError } from './errors';
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

/** The first GPU as a device. */
export interface CudaDescription extends NativeDeviceProperties {
  readonly name: 'cuda';
  readonly available: true;
}

/** Why there is no GPU. */
export interface CudaMissing {
  readonly name: 'cuda';
  readonly available: false;
  readonly reason: string;
}

/** A device that tensors can live on. */
export type DeviceDescription = CpuDescription | ReferenceDescription | CudaDescription | CudaMissing;

/**
 * The devices of this machine: `cpu` with the kernel variant in use, those that could be chosen with `ROTOR_CPU`, the CPU's
 * name, cores and threads; `reference`, the float64 definition in TypeScript; and `cuda`, the first GPU, or why there is none.
 */
export function deviceInfo(): [CpuDescription, ReferenceDescription, CudaDescription | CudaMissing] {
  return [cpuInfo(), { name: 'reference', variant: 'float64' }, cudaInfo()];
}

/** The first entry of {@link deviceInfo}, without a look for other devices. */
export function cpuInfo(): CpuDescription {
  const { abiVersion: _, ...cpu } = native().deviceInfo();
  return { name: 'cpu', ...cpu };
}

function cudaInfo(): CudaDescription | CudaMissing {
  try {
    return { name: 'cuda', available: true, ...native().deviceProperties(deviceNumber('cuda')) };
  } catch (error) {
    const known = fromNative(error);
    if (!(known instanceof DeviceError || known instanceof UnsupportedError)) throw known;
    return { name: 'cuda', available: false, reason: known.message };
  }
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
