import { packageVersion } from '../bench';
import { openCheckpoint } from '../load/checkpoint';
import { loadConfig } from '../load/load-config';
import { deviceInfo } from '../native/device-info';
import type { Command, Context } from './command';
import { commonFlags } from './model-flags';
import { print, printJson } from './output';

/** `rotor info`: the devices of this machine, and what a model is. */
export const infoCommand: Command = {
  name: 'info',
  summary: 'devices and kernel variants of this machine',
  usage: 'rotor info [--model PATH] [--json]',
  flags: [
    { name: 'model', short: 'm', value: 'PATH', help: 'also describe this model; its weights are not read' },
    ...commonFlags,
  ],
  run,
};

async function run({ flags }: Context): Promise<number> {
  const path = flags.text('model');
  const info = {
    version: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    devices: deviceInfo(),
    ...(path === undefined ? {} : { model: await describeModel(path) }),
  };
  if (flags.has('json')) {
    await printJson(info);
    return 0;
  }
  const lines = [`rotor ${info.version}, node ${info.node}, ${info.platform}`];
  for (const device of info.devices) {
    if (device.name === 'reference') lines.push('reference: float64 in TypeScript, the definition');
    else {
      lines.push(`cpu: ${device.cpu.trim()}, ${device.cores} cores, ${device.threads} threads, ${device.compiler}`);
      lines.push(`     kernels ${device.variant}; ROTOR_CPU may be ${device.variants.join(', ')}`);
    }
  }
  for (const [name, value] of Object.entries(info.model ?? {})) lines.push(`${name}: ${String(value)}`);
  await print(`${lines.join('\n')}\n`);
  return 0;
}

async function describeModel(path: string): Promise<Record<string, unknown>> {
  const { raw: _, ...config } = await loadConfig(path);
  const { tensors, totalBytes, files } = await openCheckpoint(path);
  return { ...config, tensors: tensors.size, files: files.length, bytes: totalBytes };
}
