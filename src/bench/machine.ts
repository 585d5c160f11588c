import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';

import { native } from '../native/addon';

/** The machine and the build that a measurement was taken with. */
export interface Machine {
  /** Name of the processor. */
  readonly cpu_info: string;
  readonly cpu_cores: number;
  /** Clock as the system reports it at the time, in MHz; `null` when it does not. */
  readonly cpu_mhz: number | null;
  /** Frequency governor; `null` when it cannot be read. */
  readonly cpu_governor: string | null;
  readonly memory_bytes: number;
  readonly os: string;
  readonly node: string;
  /** Compiler of the addon. */
  readonly compiler: string;
  /** Kernel variant in use. */
  readonly variant: string;
  /** Variants that could be forced with `ROTOR_CPU`. */
  readonly variants: readonly string[];
}

/** Facts about this machine, for a receipt. */
export async function machineFacts(): Promise<Machine> {
  const { cpu, cores, compiler, variant, variants } = native().deviceInfo();
  const governor = await readFile('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', 'utf8').catch(
    () => undefined,
  );
  return {
    cpu_info: cpu.trim(),
    cpu_cores: cores,
    cpu_mhz: cpus()[0]?.speed || null,
    cpu_governor: governor?.trim() ?? null,
    memory_bytes: totalmem(),
    os: `${process.platform} ${process.arch}`,
    node: process.version,
    compiler,
    variant,
    variants,
  };
}
