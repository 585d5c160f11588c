import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { abiVersion } from './abi';
import {
  ContextError,
  DeviceError,
  DisposedError,
  DTypeError,
  LoadError,
  NativeError,
  OptionError,
  type RotorError,
  ShapeError,
  UnsupportedError,
} from './errors';

/** What the addon says about this machine. */
export interface NativeDeviceInfo {
  abiVersion: number;
  /** ISA variant in use: `scalar`, `avx2`. */
  variant: string;
  /** Variants that were compiled in and can run here, slowest first. */
  variants: string[];
  /** The variant gave the bits of `scalar` when the addon was loaded; else loading fails. */
  selfTest: 'passed';
  cpu: string;
  cores: number;
  threads: number;
  compiler: string;
}

/** Counters of the native allocator, in bytes and buffers. */
export interface MemoryStats {
  liveBuffers: number;
  liveBytes: number;
  peakBytes: number;
  totalAllocs: number;
  /** Ranges of files in use as memory, which the other counters leave out. */
  mappedBuffers: number;
  mappedBytes: number;
  /** Memory of devices other than the CPU, which the other counters leave out. */
  deviceBuffers: number;
  deviceBytes: number;
}

/** What the library of a device says of it. */
export interface NativeDeviceProperties {
  /** Name of the GPU. */
  gpu: string;
  /** Such as `sm_90`. */
  architecture: string;
  multiprocessors: number;
  /** CUDA versions of the driver and of the library's runtime, such as 13000 for 13.0. */
  driver: number;
  runtime: number;
  memoryBytes: number;
  freeBytes: number;
  /** Names of the ops that it has kernels for. */
  ops: string[];
}

/** The functions of the addon (`cpp/binding.cc`). Ids of buffers and programs are plain numbers. */
export interface Addon {
  opTable(): string[];
  deviceInfo(): NativeDeviceInfo;
  /** Opens device `index` of the library at `path`; the number is for {@link alloc} and the like, 0 being the CPU. */
  openDevice(name: string, path: string, index: number): number;
  deviceProperties(device: number): NativeDeviceProperties;
  alloc(bytes: number, device?: number): number;
  free(id: number): boolean;
  view(id: number): ArrayBuffer;
  detach(view: ArrayBuffer): void;
  /** Copies into a buffer of any device, from byte `offset`. */
  upload(id: number, offset: number, from: ArrayBufferView): void;
  /** A copy of a range of a buffer of any device. */
  download(id: number, offset: number, bytes: number): ArrayBuffer;
  /** Copies between two buffers of one device. */
  moveBytes(from: number, fromOffset: number, to: number, toOffset: number, bytes: number): void;
  stats(): MemoryStats;
  /** Tests may name a variant and ask for all threads whatever the size. */
  run(record: ArrayBuffer, variant?: string, spread?: boolean): void;
  programCreate(records: ArrayBuffer): number;
  programStep(id: number): Promise<void>;
  programStepSync(id: number): void;
  programProfile(id: number): Float64Array;
  programFree(id: number): boolean;
  readFile(buffer: number, bufferOffset: number, path: string, fileOffset: number, bytes: number): Promise<void>;
  /** A buffer over a range of a file; ops may read it but not write. */
  mapFile(path: string, offset: number, bytes: number): number;
  /** Reads mapped buffers in. */
  populate(ids: number[]): Promise<void>;
  setThreads(count: number): void;
  getThreads(): number;
  ternaryBytes(rows: number, cols: number, on?: string | number): number;
  readBandwidth(bytes: number, repeats: number, device?: number): Promise<Float64Array>;
}

const classes: Record<string, new (text: string) => RotorError> = {
  SHAPE: ShapeError,
  DTYPE: DTypeError,
  DEVICE: DeviceError,
  DISPOSED: DisposedError,
  OPTION: OptionError,
  LOAD: LoadError,
  CONTEXT: ContextError,
  UNSUPPORTED: UnsupportedError,
  NATIVE: NativeError,
};

/** Turns an error thrown by the addon into the documented class; any other error is returned as it is. */
export function fromNative(error: unknown): unknown {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code !== 'string' || typeof message !== 'string') return error;
  const Class = classes[code];
  return Class === undefined ? error : new Class(message);
}

let loaded: Addon | undefined;

/**
 * The native addon, loaded on first use.
 *
 * @throws NativeError if it was not built or is of another version
 * @throws DeviceError if `ROTOR_CPU` names a variant that this machine does not have
 */
export function native(): Addon {
  loaded ??= load();
  return loaded;
}

function load(): Addon {
  // From dist/native and from src/native alike: two levels up is the package.
  const path = join(__dirname, '..', '..', 'build', 'Release', 'rotor.node');
  if (!existsSync(path)) {
    throw new NativeError(`expected the native addon at ${path}, received no file. Run "npm run build" first.`, {
      op: 'native',
    });
  }
  let addon: Addon;
  try {
    addon = require(path) as Addon;
  } catch (error) {
    const known = fromNative(error);
    if (known !== error) throw known;
    throw new NativeError(`expected a loadable addon at ${path}, received: ${String(error)}. Run "npm run build".`, {
      op: 'native',
      cause: error,
    });
  }
  const { abiVersion: found } = addon.deviceInfo();
  if (found !== abiVersion) {
    throw new NativeError(`expected an addon of version ${abiVersion}, received ${found}. Run "npm run build".`, {
      op: 'native',
    });
  }
  return addon;
}

/** Runs `body`, giving errors of the addon their documented class. */
export function guarded<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw fromNative(error);
  }
}

/** As {@link guarded}, for a promise. */
export async function guardedAsync<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw fromNative(error);
  }
}
