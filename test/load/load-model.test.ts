import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBitNet, type LoadOptions } from '../../src/load/load-model';
import { memoryStats } from '../../src/native/device-info';
import { collectGarbage } from '../collect';
import { MODELS, rejection, temporaryDirectory } from './fixtures';

const dir = temporaryDirectory();
const file = join(dir, 'model.safetensors');

interface Header {
  readonly [name: string]: { readonly data_offsets: readonly [number, number] };
}

/** A copy of a small model whose bytes may be damaged: `change` gets the bytes of one tensor. */
function damaged(tensor: string, change: (bytes: Buffer) => void): string {
  copyFileSync(join(MODELS.odd, 'config.json'), join(dir, 'config.json'));
  const bytes = readFileSync(join(MODELS.odd, 'model.safetensors'));
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Header;
  const [begin, end] = header[tensor].data_offsets;
  change(bytes.subarray(8 + headerBytes + begin, 8 + headerBytes + end));
  writeFileSync(file, bytes);
  return dir;
}

/** The error of a load that must fail and must leave the buffers as they were. */
async function failure(path: string, options: LoadOptions = {}): ReturnType<typeof rejection> {
  await collectGarbage();
  const before = memoryStats().liveBuffers;
  const error = await rejection(loadBitNet(path, options));
  await collectGarbage();
  expect(memoryStats().liveBuffers).toBe(before);
  return error;
}

const linear = 'model.layers.0.mlp.up_proj';

describe('loadBitNet', () => {
  it('names the matrix with a code that is no weight', async () => {
    const error = await failure(damaged(`${linear}.weight`, (bytes) => (bytes[5] |= 0b11)));
    expect(error).toMatchObject({ name: 'LoadError', details: { tensor: linear } });
    expect(error.message).toContain(linear);
  });

  it.each([
    ['NaN', 0x7fc0],
    ['infinity', 0x7f80],
  ])('names the matrix with a scale of %s', async (_, bits) => {
    const error = await failure(damaged(`${linear}.weight_scale`, (bytes) => bytes.writeUInt16LE(bits)));
    expect(error.name).toBe('LoadError');
    expect(error.message).toContain(`${linear}.weight_scale`);
  });

  it('refuses a file that was cut', async () => {
    const path = damaged(`${linear}.weight`, () => undefined);
    truncateSync(file, readFileSync(file).length - 7);
    const error = await failure(path);
    expect(error.name).toBe('LoadError');
    expect(error.message).toMatch(/truncated/);
  });

  it('stops between two tensors when the signal aborts', async () => {
    const controller = new AbortController();
    let calls = 0;
    const error = await failure(MODELS.odd, {
      signal: controller.signal,
      onProgress: () => {
        if (++calls === 5) controller.abort();
      },
    });
    expect(error.name).toBe('AbortError');
    expect(calls).toBe(5);
  });

  it('lets an error of onProgress out', async () => {
    const error = await failure(MODELS.odd, {
      onProgress: () => {
        throw new Error('no more');
      },
    });
    expect(error.message).toBe('no more');
  });

  it('reports every byte of the checkpoint', async () => {
    const seen: number[] = [];
    let total = 0;
    const model = await loadBitNet(MODELS.odd, {
      onProgress: (progress) => {
        seen.push(progress.done);
        total = progress.total;
      },
    });
    model.dispose();
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen[seen.length - 1] / total).toBeGreaterThan(0.95);
    expect(seen[seen.length - 1]).toBeLessThanOrEqual(total);
  });

  it('refuses unknown options', async () => {
    expect((await failure(MODELS.odd, { devise: 'cpu' } as never)).message).toMatch(/Did you mean "device"/);
    expect((await failure(MODELS.odd, { device: 'gpu' as never })).message).toMatch(
      /among cpu, cuda, cuda:1 and so on, reference, received "gpu"/,
    );
  });
});
