import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openCacheFile } from '../../src/load/cache-file';
import { openCheckpoint } from '../../src/load/checkpoint';
import { layoutFingerprint } from '../../src/load/layout';
import { loadConfig } from '../../src/load/load-config';
import { loadBitNet } from '../../src/load/load-model';
import { PackedCache } from '../../src/load/packed-cache';
import { verifyPackedCache } from '../../src/load/verify-cache';
import { deviceInfo, memoryStats } from '../../src/native/device-info';
import { tensor } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';
import { run } from '../../src/trace/run';
import { rotor } from '../cli/run-cli';
import { MODELS, temporaryDirectory } from './fixtures';

const dir = temporaryDirectory();
let count = 0;

/** A copy of a model, old enough to be stamped, and an empty cache folder. */
function copy(model: string = MODELS.odd): { model: string; cache: string; weights: string } {
  const base = join(dir, String(count++));
  mkdirSync(join(base, 'model'), { recursive: true });
  mkdirSync(join(base, 'cache'));
  const weights = join(base, 'model', 'model.safetensors');
  for (const name of ['config.json', 'model.safetensors']) copyFileSync(join(model, name), join(base, 'model', name));
  return { model: join(base, 'model'), cache: join(base, 'cache'), weights };
}

interface Start {
  readonly logits: number[];
  /** Whether the packed weights were mapped. */
  readonly hit: boolean;
}

async function start(model: string, cache: boolean | string): Promise<Start> {
  const { mappedBuffers } = memoryStats();
  const loaded = await loadBitNet(model, { cache });
  try {
    const logits = run(loaded, [1, 2, 3]);
    const values = Array.from(logits.data());
    logits.dispose();
    return { logits: values, hit: memoryStats().mappedBuffers - mappedBuffers > 10 };
  } finally {
    loaded.dispose();
  }
}

const packedFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .map((name) => join(folder, name));

/** Changes one byte, `back` bytes from the end. */
function flip(path: string, back: number): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - back] ^= 1;
  writeFileSync(path, bytes);
}

let warnings: string[];
beforeEach(() => {
  warnings = [];
  jest.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(String(text)));
});
afterEach(() => jest.restoreAllMocks());

describe('the packed cache', () => {
  it.each(['odd', 'masters', 'llama'] as const)('gives %s the same logits', async (name) => {
    const { model, cache } = copy(MODELS[name]);
    const { logits } = await start(model, false);
    expect(readdirSync(cache)).toEqual([]);
    expect(await start(model, cache)).toEqual({ logits, hit: false });
    expect(packedFiles(cache)).toHaveLength(1);
    expect(await start(model, cache)).toEqual({ logits, hit: true });
    expect(warnings).toEqual([]);
  });

  it('holds everything but the tables, each tensor at a cache line, and leaves no other file', async () => {
    const { model, cache } = copy();
    await start(model, cache);
    const [path] = packedFiles(cache);
    const { tensors, facts } = await openCacheFile(path);
    for (const { begin } of tensors.values()) expect(begin % 64).toBe(0);
    expect([...tensors.keys()]).toEqual(
      expect.arrayContaining([
        'model.layers.0.self_attn.q_proj+model.layers.0.self_attn.k_proj+model.layers.0.self_attn.v_proj.packed',
        'model.norm.weight',
        'ropes.cos',
      ]),
    );
    expect(facts.variant).toBe(deviceInfo()[0].variant);
    expect(readdirSync(cache).filter((name) => !path.endsWith(name) && !name.endsWith('.stamp'))).toEqual([]);
  });

  it('gives all memory back, mapped or not', async () => {
    const { model, cache } = copy();
    await start(model, cache);
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    const before = memoryStats();
    await start(model, cache);
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    const { liveBuffers, liveBytes, mappedBuffers, mappedBytes } = memoryStats();
    expect({ liveBuffers, liveBytes, mappedBuffers, mappedBytes }).toEqual({
      liveBuffers: before.liveBuffers,
      liveBytes: before.liveBytes,
      mappedBuffers: before.mappedBuffers,
      mappedBytes: before.mappedBytes,
    });
  });

  it('runs on when checkpoint and cache are deleted', async () => {
    const { model, cache, weights } = copy();
    const { logits } = await start(model, cache);
    const loaded = await loadBitNet(model, { cache });
    for (const path of [weights, ...packedFiles(cache)]) unlinkSync(path);
    expect(Array.from(run(loaded, [1, 2, 3]).data())).toEqual(logits);
    loaded.dispose();
  });

  it('says so when the checkpoint or the cache is cut while in use', async () => {
    for (const which of ['weights', 'cache'] as const) {
      const { model, cache, weights } = copy();
      await start(model, cache);
      const loaded = await loadBitNet(model, { cache });
      truncateSync(which === 'weights' ? weights : packedFiles(cache)[0], 0);
      expect(() => run(loaded, [1, 2, 3])).toThrow(/cut short while in use. Restore the file and load the model again/);
      loaded.dispose();
    }
  });

  it('is not used for small checkpoints unless asked for, nor on the reference device', async () => {
    const { model, cache } = copy();
    process.env['ROTOR_CACHE'] = cache;
    try {
      (await loadBitNet(model)).dispose();
      (await loadBitNet(model, { device: 'reference', cache: true })).dispose();
      expect(readdirSync(cache)).toEqual([]);
      await start(model, true);
      expect(packedFiles(cache)).toHaveLength(1);
    } finally {
      delete process.env['ROTOR_CACHE'];
    }
  });

  it('lies beside the checkpoint, or in the folder of the user where that cannot be written', async () => {
    const { model, cache } = copy();
    const saved = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = cache;
    try {
      await start(model, true);
      expect(packedFiles(join(model, '.rotor'))).toHaveLength(1);
      const other = copy();
      writeFileSync(join(other.model, '.rotor'), 'a file where the folder should be');
      await start(other.model, true);
      expect(packedFiles(join(cache, 'rotor'))).toHaveLength(1);
      expect((await start(other.model, true)).hit).toBe(true);
    } finally {
      if (saved === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = saved;
    }
  });

  it.each([true, 7, ''])('takes true, false or a folder, option %p', async (cache) => {
    if (cache === true)
      return expect(loadBitNet(join(dir, 'no'), { cache })).rejects.toMatchObject({ code: 'ROTOR_LOAD' });
    await expect(loadBitNet(MODELS.odd, { cache: cache as never })).rejects.toMatchObject({ code: 'ROTOR_OPTION' });
  });
});

describe('a packed file is made again', () => {
  it('when the checkpoint changed, and the old one is removed', async () => {
    const { model, cache, weights } = copy();
    await start(model, cache);
    const [old] = packedFiles(cache);
    cpSync(join(MODELS.masters, 'model.safetensors'), weights);
    cpSync(join(MODELS.masters, 'config.json'), join(model, 'config.json'));
    const { logits } = await start(model, false);
    expect(await start(model, cache)).toEqual({ logits, hit: false });
    expect(packedFiles(cache)).toHaveLength(1);
    expect(packedFiles(cache)).not.toContain(old);
    expect(await start(model, cache)).toEqual({ logits, hit: true });
  });

  it('when a single byte of the checkpoint changed, even with its old time', async () => {
    const { model, cache, weights } = copy();
    await start(model, cache);
    const { atime, mtime } = statSync(weights);
    flip(weights, 1);
    utimesSync(weights, atime, mtime);
    expect((await start(model, cache)).hit).toBe(false);
    expect((await start(model, cache)).hit).toBe(true);
  });

  it('when the config changed', async () => {
    const { model, cache } = copy();
    await start(model, cache);
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(model, 'config.json'), JSON.stringify({ ...config, rope_theta: 1234 }));
    expect((await start(model, cache)).hit).toBe(false);
  });

  it.each<[string, (path: string) => void]>([
    ['is empty', (path) => truncateSync(path, 0)],
    ['was cut by a byte', (path) => truncateSync(path, statSync(path).size - 1)],
    ['was cut in half', (path) => truncateSync(path, statSync(path).size >> 1)],
    ['holds something else', (path) => writeFileSync(path, 'no such thing'.repeat(99))],
    [
      'has a changed header',
      (path) =>
        writeFileSync(
          path,
          readFileSync(path).toString('latin1').replace('"model.norm.weight"', '"model.morn.weight"'),
          'latin1',
        ),
    ],
    [
      'is of another version',
      (path) =>
        writeFileSync(path, readFileSync(path).toString('latin1').replace('"version":"1"', '"version":"0"'), 'latin1'),
    ],
    ['is a folder', (path) => (unlinkSync(path), mkdirSync(path))],
  ])('when it %s', async (_, damage) => {
    const { model, cache } = copy();
    const { logits } = await start(model, cache);
    damage(packedFiles(cache)[0]);
    expect(await start(model, cache)).toEqual({ logits, hit: false });
    if (statSync(packedFiles(cache)[0]).isDirectory()) expect(warnings.join()).toMatch(/not kept for the next start/);
    else expect(await start(model, cache)).toEqual({ logits, hit: true });
  });

  it('when a bit flipped and a full look at it was asked for', async () => {
    const { model, cache } = copy();
    await start(model, cache);
    const [path] = packedFiles(cache);
    expect(await verifyPackedCache(model, { folder: cache })).toEqual({ status: 'sound', path, damaged: [] });
    flip(path, 100);
    expect(await verifyPackedCache(model, { folder: cache })).toMatchObject({
      status: 'damaged',
      path,
      damaged: [expect.any(String)],
    });
    expect(await verifyPackedCache(model, { folder: cache })).toEqual({ status: 'none', damaged: [] });
    expect((await start(model, cache)).hit).toBe(false);
  });
});

describe('the stamp', () => {
  it('spares reading the checkpoint, and a touched file is read once', async () => {
    const { model, cache, weights } = copy();
    await start(model, cache);
    const stamp = `${packedFiles(cache)[0]}.stamp`;
    // Just copied: another change within the same tick of the clock could not be told apart.
    expect(existsSync(stamp)).toBe(false);
    jest.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + 60_000);
    expect((await start(model, cache)).hit).toBe(true);
    const first = readFileSync(stamp, 'utf8');
    utimesSync(weights, 1, 1);
    expect((await start(model, cache)).hit).toBe(true);
    expect(readFileSync(stamp, 'utf8')).not.toBe(first);
    writeFileSync(stamp, 'nonsense');
    expect((await start(model, cache)).hit).toBe(true);
  });
});

describe('a cache that cannot be written', () => {
  async function finish(folder: string, keepFree?: number): Promise<void> {
    const checkpoint = await openCheckpoint(MODELS.odd);
    const config = await loadConfig(MODELS.odd);
    const cache = await PackedCache.open(MODELS.odd, checkpoint, config, {
      folder,
      ...(keepFree === undefined ? {} : { keepFree }),
    });
    let made: readonly Tensor[] = [];
    made = await cache.take([{ name: 'x', dtype: 'f32', shape: [3] }], () => Promise.resolve([tensor([1, 2, 3])]));
    await cache.finish();
    made.forEach((x) => x.dispose());
  }

  it('for want of room is a notice', async () => {
    const { cache } = copy();
    await finish(cache, 1e18);
    expect(readdirSync(cache)).toEqual([]);
    expect(warnings.join()).toMatch(/not kept for the next start: .* MB free for 0 MB and a reserve of/);
  });

  it('because the folder is none is a notice', async () => {
    const { weights } = copy();
    await finish(join(weights, 'below-a-file'));
    expect(warnings.join()).toMatch(/not kept for the next start: .*ENOTDIR/);
  });

  const asRoot = process.getuid?.() === 0;
  (asRoot ? it.skip : it)(
    'because the folder is read-only is a notice, and reading goes on (not as root)',
    async () => {
      const { model, cache } = copy();
      chmodSync(cache, 0o500);
      await start(model, cache);
      expect(warnings.join()).toMatch(/EACCES/);
      chmodSync(cache, 0o700);
      await start(model, cache);
      chmodSync(cache, 0o500);
      expect((await start(model, cache)).hit).toBe(true);
      chmodSync(packedFiles(cache)[0], 0);
      expect((await start(model, cache)).hit).toBe(false);
      chmodSync(cache, 0o700);
    },
  );
});

describe('several processes', () => {
  const generate = (model: string, cache: string) =>
    rotor(['generate', '--model', model, '--ids', '1,2', '--max-tokens', '3', '--json', '--cache', cache]);

  it('may write at once', async () => {
    const { model, cache } = copy();
    const results = await Promise.all([1, 2, 3].map(() => generate(model, cache)));
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual([1, 2, 3].map(() => [0, '']));
    expect(packedFiles(cache)).toHaveLength(1);
    expect(readdirSync(cache).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect((await verifyPackedCache(model, { folder: cache })).status).toBe('sound');
    expect((await start(model, cache)).hit).toBe(true);
  });

  it('may be killed: what a writer left is cleared away, what one is writing is not', async () => {
    const { model, cache } = copy();
    const name = (kill: boolean): string =>
      `const { temporaryName } = require(${JSON.stringify(join(__dirname, '../../dist/load/cache-folder.js'))});
       const path = require('node:path').join(${JSON.stringify(cache)}, temporaryName());
       require('node:fs').writeFileSync(path, 'half a file');
       process.stdout.write(path, () => ${kill ? "process.kill(process.pid, 'SIGKILL')" : 'undefined'});`;
    const killed = spawnSync(process.execPath, ['-e', name(true)], { encoding: 'utf8' });
    expect(killed.signal).toBe('SIGKILL');
    const mine = execFileSync(process.execPath, ['-e', name(false)], { encoding: 'utf8' }).replace(
      /-\d+-(\w+\.part)$/,
      `-${process.pid}-$1`,
    );
    writeFileSync(mine, 'being written');
    expect(existsSync(killed.stdout)).toBe(true);
    await start(model, cache);
    expect(existsSync(killed.stdout)).toBe(false);
    expect(existsSync(mine)).toBe(true);
  });

  it('tell about the packed form on request', async () => {
    const { model, cache } = copy();
    const info = () => rotor(['info', '--model', model, '--verify', '--cache', cache]);
    expect(await info()).toMatchObject({ code: 0, stdout: expect.stringContaining('packed form: none') });
    await start(model, cache);
    expect(await info()).toMatchObject({ code: 0, stdout: expect.stringContaining('packed form: sound') });
    flip(packedFiles(cache)[0], 1);
    expect(await info()).toMatchObject({ code: 1, stdout: expect.stringContaining('packed form: damaged') });
    expect((await rotor(['info', '--verify'])).code).toBe(2);
    expect((await rotor(['generate', '--model', model, '--ids', '1', '--cache', cache, '--no-cache'])).code).toBe(2);
  });
});

it('the fingerprint of a layout is that of the running variant', async () => {
  expect(layoutFingerprint()).toMatch(/^[0-9a-f]{64}$/);
  expect(layoutFingerprint()).toBe(layoutFingerprint());
  // Another variant packs in another order, so both keep their own file.
  const { model, cache } = copy();
  const { variants, variant } = deviceInfo()[0];
  const other = variants.find((name) => name !== variant);
  if (other === undefined) return;
  await start(model, cache);
  const args = ['generate', '--model', model, '--ids', '1', '--max-tokens', '1', '--cache', cache];
  expect((await rotor(args, { env: { ROTOR_CPU: other } })).code).toBe(0);
  expect(packedFiles(cache)).toHaveLength(2);
});
