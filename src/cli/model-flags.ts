import type { LanguageModel } from '../language-model';
import { loadModel } from '../language-model';
import type { CacheType } from '../ops/kv';
import { cacheTypes } from '../ops/kv';
import type { DeviceName } from '../tensor/dtype';
import { isDeviceName } from '../tensor/dtype';
import type { Context } from './command';
import type { Flag, Flags } from './flags';
import { StatusLine } from './output';

/** How keys and values are kept. */
export const cacheFlag: Flag = {
  name: 'cache-type',
  value: 'TYPE',
  help: 'keys and values as f32 (default, exact), f16 or i8: less memory, faster at long contexts',
  choices: cacheTypes,
};

/** Flags of every command that runs a model. */
export const modelFlags: readonly Flag[] = [
  {
    name: 'model',
    short: 'm',
    value: 'PATH',
    help: 'model directory, or a .safetensors file beside its config.json',
    required: true,
  },
  {
    name: 'device',
    value: 'NAME',
    help: 'cpu (default), cuda (cuda:1 and so on for further GPUs), or reference, the slow float64 definition',
  },
  { name: 'threads', short: 't', value: 'N', help: 'threads; results do not depend on it (default: one per core)' },
  { name: 'cache', value: 'DIR', help: 'folder for packed weights (default: .rotor beside the model)' },
  { name: 'no-cache', help: 'neither read nor write packed weights' },
];

/** Flags that every command has. */
export const commonFlags: readonly Flag[] = [
  { name: 'json', help: 'print JSON for programs' },
  { name: 'quiet', short: 'q', help: 'no progress on standard error' },
  { name: 'help', short: 'h', help: 'print this text' },
];

/** Flags that say what a model shall read. */
export const inputFlags: readonly Flag[] = [
  { name: 'prompt', value: 'TEXT', help: 'text to start from' },
  { name: 'ids', value: '1,2,3', help: 'token ids to start from, in place of a text; nothing is added' },
];

/** The cache type named by the flags, as an option. */
export function cacheOptions(flags: Flags): { readonly cacheType?: CacheType } {
  const cacheType = cacheTypes.find((type) => type === flags.text('cache-type'));
  return cacheType === undefined ? {} : { cacheType };
}

/** The device named by the flags. */
export function deviceOf(flags: Flags): DeviceName {
  const name = flags.text('device') ?? 'cpu';
  if (!isDeviceName(name)) {
    throw flags.fault(`expected cpu, cuda, cuda:1 and so on, or reference as --device, received "${name}".`);
  }
  return name;
}

/** Where packed weights are kept, as an option of loading. */
export function cacheOf(flags: Flags): { cache?: boolean | string } {
  const folder = flags.text('cache');
  if (folder !== undefined && flags.has('no-cache'))
    throw flags.fault('expected either --cache or --no-cache, received both.');
  return folder !== undefined ? { cache: folder } : flags.has('no-cache') ? { cache: false } : {};
}

/** The text or the ids that were given; exactly one of them must be. */
export function inputOf(flags: Flags): string | number[] {
  const [prompt, ids] = [flags.text('prompt'), flags.list('ids')];
  if ((prompt === undefined) === (ids === undefined)) {
    throw flags.fault(`expected either --prompt or --ids, received ${prompt === undefined ? 'none' : 'both'}.`);
  }
  return prompt ?? (ids as number[]);
}

/** A status line that keeps quiet when the flags say so. */
export function statusLine(flags: Flags): StatusLine {
  return new StatusLine(flags.has('quiet') || flags.has('json'));
}

/** Loads the model named by the flags, with progress on standard error. */
export async function openModel({ flags, signal }: Context, status: StatusLine): Promise<LanguageModel> {
  const threads = flags.whole('threads', 1);
  const model = await loadModel(flags.text('model') ?? '', {
    device: deviceOf(flags),
    ...(threads === undefined ? {} : { threads }),
    ...cacheOf(flags),
    signal,
    onProgress: ({ done, total }) =>
      status.show(`Loading ${((100 * done) / total).toFixed(0)} % of ${(total / 1e6).toFixed(0)} MB`),
  });
  status.clear();
  return model;
}
