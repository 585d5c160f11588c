import { packageVersion } from '../bench';
import { openCheckpoint } from '../load/checkpoint';
import { loadConfig } from '../load/load-config';
import { verifyPackedCache } from '../load/verify-cache';
import type { DeviceDescription } from '../native/device-info';
import { deviceInfo } from '../native/device-info';
import type { Command, Context } from './command';
import { commonFlags } from './model-flags';
import { print, printJson } from './output';

/** `rotor info`: the devices of this machine, and what a model is. */
export const infoCommand: Command = {
  name: 'info',
  summary: 'devices and kernel variants of this machine',
  usage: 'rotor info [--model PATH [--verify [--cache DIR]]] [--json]',
  flags: [
    { name: 'model', short: 'm', value: 'PATH', help: 'also describe this model; its weights are not read' },
    { name: 'verify', help: 'with --model: read the weights and their packed form in full and compare checksums' },
    { name: 'cache', value: 'DIR', help: 'with --verify: folder of the packed form, as given when it was made' },
    ...commonFlags,
  ],
  run,
};

async function run({ flags, signal }: Context): Promise<number> {
  const path = flags.text('model');
  const [verify, folder] = [flags.has('verify'), flags.text('cache')];
  if (verify && path === undefined) throw flags.fault('expected --model PATH beside --verify, received none.');
  if (folder !== undefined && !verify) throw flags.fault('expected --verify beside --cache, received none.');
  const options = { signal, ...(folder === undefined ? {} : { folder }) };
  const packed = verify && path !== undefined ? await verifyPackedCache(path, options) : undefined;
  const info = {
    version: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    devices: deviceInfo(),
    ...(path === undefined ? {} : { model: await describeModel(path) }),
    ...(packed === undefined ? {} : { packed }),
  };
  const code = packed?.status === 'damaged' ? 1 : 0;
  if (flags.has('json')) {
    await printJson(info);
    return code;
  }
  const lines = [`rotor ${info.version}, node ${info.node}, ${info.platform}`];
  lines.push(...info.devices.flatMap(describeDevice));
  for (const [name, value] of Object.entries(info.model ?? {})) lines.push(`${name}: ${String(value)}`);
  if (packed !== undefined) {
    const more = packed.damaged.length === 0 ? '' : `; removed, wrong: ${packed.damaged.join(', ')}`;
    lines.push(`packed form: ${packed.status}${packed.path === undefined ? '' : `, ${packed.path}`}${more}`);
  }
  await print(`${lines.join('\n')}\n`);
  return code;
}

function describeDevice(device: DeviceDescription): string[] {
  switch (device.name) {
    case 'cpu':
      return [
        `cpu: ${device.cpu.trim()}, ${device.cores} cores, ${device.threads} threads, ${device.compiler}`,
        `     kernels ${device.variant}; ROTOR_CPU may be ${device.variants.join(', ')}`,
      ];
    case 'reference':
      return ['reference: float64 in TypeScript, the definition'];
    default:
      if (!device.available) return [`cuda: not available, ${device.reason}`];
      return [
        `cuda: ${device.gpu}, ${device.architecture}, ${(device.memoryBytes / 2 ** 30).toFixed(0)} GiB, driver for CUDA ${device.driver / 1000}`,
      ];
  }
}

async function describeModel(path: string): Promise<Record<string, unknown>> {
  const { raw: _, ...config } = await loadConfig(path);
  const { tensors, totalBytes, files } = await openCheckpoint(path);
  return { ...config, tensors: tensors.size, files: files.length, bytes: totalBytes };
}
