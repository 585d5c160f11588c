import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { divide, placeNeurons, placeOf, placeRows } from '../../src/load/dead-neurons';
import { loadBitNet } from '../../src/load/load-model';
import type { BitNet } from '../../src/model/bitnet';
import { matricesOf } from '../../src/model/matrices';
import { summarize } from '../../src/model/summary';
import { memoryStats } from '../../src/native/device-info';
import { add } from '../../src/ops/binary';
import { full } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';
import { run, runWithCache, runWithHooks } from '../../src/trace/run';
import { rejection, MODELS, temporaryDirectory } from './fixtures';

const dir = temporaryDirectory();
const ids = [1, 5, 9, 2, 77, 30];
let count = 0;

type Which = (i: number, layer: number) => boolean;
interface Dead {
  readonly gate?: Which;
  readonly up?: Which;
}

/** A copy of a model with some gate and up rows set to zeros. */
function withDead(model: 'odd' | 'llama', dead: Dead): string {
  const path = join(dir, String(count++));
  mkdirSync(path);
  copyFileSync(join(MODELS[model], 'config.json'), join(path, 'config.json'));
  const bytes = readFileSync(join(MODELS[model], 'model.safetensors'));
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >;
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    const match = /layers\.(\d+)\.mlp\.(gate|up)_proj\.weight$/.exec(name);
    if (match === null) continue;
    const which = dead[match[2] as 'gate' | 'up'];
    const [quarter, cols] = shape;
    for (let r = 0; r < 4 * quarter; r++) {
      if (which?.(r, Number(match[1])) !== true) continue;
      const shift = 2 * Math.floor(r / quarter);
      for (let k = 0; k < cols; k++) {
        const at = 8 + headerBytes + data_offsets[0] + (r % quarter) * cols + k;
        bytes[at] = (bytes[at] & ~(3 << shift)) | (1 << shift); // code 1 is weight 0
      }
    }
  }
  writeFileSync(join(path, 'model.safetensors'), bytes);
  return path;
}

const bits = (x: Tensor): number[] => Array.from(new Uint8Array(x.data().buffer, x.data().byteOffset, x.bytes));

/** Both forms of a model. */
async function both<T>(path: string, body: (live: BitNet, whole: BitNet) => T): Promise<T> {
  const live = await loadBitNet(path, { cache: false });
  const whole = await loadBitNet(path, { dropDead: false });
  try {
    return body(live, whole);
  } finally {
    live.dispose();
    whole.dispose();
  }
}

const setAside = (model: BitNet): number[] =>
  model.weights.blocks.map(({ mlp }) => (mlp.live === undefined ? 0 : mlp.live.width - mlp.live.down.cols));

const patterns: readonly (readonly [string, Dead, boolean])[] = [
  ['every fifth gate row', { gate: (i) => i % 5 === 0 }, true],
  ['every third up row', { up: (i) => i % 3 === 1 }, true],
  ['some of both', { gate: (i) => i % 4 === 0, up: (i) => i % 7 < 2 }, true],
  ['all of one lane', { gate: (i) => i % 16 === 3 }, false],
  ['all but one lane', { up: (i) => i % 16 !== 3 }, false],
  ['the last half', { gate: (i) => i >= 100 }, true],
  ['all but the last', { gate: (i) => i > 0, up: (i) => i > 0 }, true],
  ['all', { gate: () => true }, true],
  ['none', {}, false],
];

describe.each(['odd', 'llama'] as const)('%s with dead neurons', (model) => {
  it.each(patterns)('%s: the same logits, bit for bit', async (_name, dead, drops) => {
    await both(withDead(model, dead), (live, whole) => {
      expect(setAside(live).every((n) => n > 0)).toBe(drops);
      expect(setAside(whole).every((n) => n === 0)).toBe(true);
      for (const prompt of [ids, ids.slice(0, 1)]) expect(bits(run(live, prompt))).toEqual(bits(run(whole, prompt)));
    });
  });

  it.each(['eager', 'captured'] as const)('shows every neuron to whoever listens, %s', async (mode) => {
    await both(withDead(model, { gate: (i) => i % 4 === 0, up: (i) => i % 7 < 2 }), (live, whole) => {
      const a = runWithCache(live, ids, { mode });
      const b = runWithCache(whole, ids, { mode });
      expect(a.cache.keys()).toEqual(b.cache.keys());
      for (const name of b.cache.keys()) {
        expect([name, a.cache.get(name).shape]).toEqual([name, b.cache.get(name).shape]);
        expect([name, bits(a.cache.get(name))]).toEqual([name, bits(b.cache.get(name))]);
      }
      expect(bits(a.logits)).toEqual(bits(b.logits));
      expect(bits(run(live, ids))).toEqual(bits(a.logits));
    });
  });

  it.each(['hook_pre', 'hook_pre_linear', 'hook_post', 'out.hook_in', 'out.hook_in_q8', 'gate.hook_acc_i32'])(
    'a hook on %s reaches neurons that were set aside',
    async (hook) => {
      await both(withDead(model, { gate: (i) => i % 4 === 0 }), (live, whole) => {
        const raise = (x: Tensor): Tensor =>
          x.dtype === 'i8'
            ? full(x.shape, 3, { dtype: 'i8' })
            : add(x, full(x.shape, 2, { dtype: x.dtype as 'f32' | 'i32' }));
        const options = { fwdHooks: [[`blocks.0.mlp.${hook}`, raise]] as const };
        const hooked = bits(runWithHooks(live, ids, options));
        expect(hooked).toEqual(bits(runWithHooks(whole, ids, options)));
        expect(hooked).not.toEqual(bits(run(live, ids)));
      });
    },
  );

  it('has the same matrices', async () => {
    await both(withDead(model, { gate: (i) => i % 3 === 0 }), (live, whole) => {
      const [a, b] = [live, whole].map(matricesOf);
      expect(a.map((m) => [m.name, m.rows, m.cols])).toEqual(b.map((m) => [m.name, m.rows, m.cols]));
      a.forEach((m, i) => {
        expect(m.counts()).toEqual(b[i].counts());
        for (const r of [0, 1, 2, 3, m.rows - 1]) expect(m.row(r)).toEqual(b[i].row(r));
      });
      expect(summarize(live)).toMatch(/ of \d+ feed-forward neurons always give 0/);
      expect(summarize(whole)).not.toMatch(/always give 0/);
    });
  });

  it('comes back from the packed cache', async () => {
    const path = withDead(model, { gate: (i) => i % 3 === 0, up: (i) => i % 5 === 0 });
    const cache = join(dir, `cache${count++}`);
    mkdirSync(cache);
    const logits: number[][] = [];
    const mapped: number[] = [];
    for (const options of [{ cache }, { cache }, { dropDead: false }]) {
      const before = memoryStats().mappedBuffers;
      const loaded = await loadBitNet(path, options);
      mapped.push(memoryStats().mappedBuffers - before);
      logits.push(bits(run(loaded, ids)));
      if ('cache' in options) expect(Math.min(...setAside(loaded))).toBeGreaterThan(0);
      loaded.dispose();
    }
    expect(mapped[1]).toBeGreaterThan(mapped[0] + 10);
    expect(logits[0]).toEqual(logits[2]);
    expect(logits[1]).toEqual(logits[2]);
  });
});

test('placeNeurons keeps lanes and the order in them', () => {
  for (const n of [1, 31, 32, 33, 100, 1000]) {
    for (const every of [2, 3, 16, 17]) {
      const dead = Array.from({ length: n }, (_, i) => (i * 7) % every === 0);
      const place = placeNeurons(dead);
      const { kept, rest } = divide(place);
      expect([...kept, ...rest].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      for (const i of rest) expect(dead[i]).toBe(true);
      kept.forEach((i, p) => {
        expect(i % 16).toBe(p % 16);
        if (p >= 16) expect(i).toBeGreaterThan(kept[p - 16]);
      });
      expect(kept.length % 32 === 0 || kept.length === n).toBe(true);
      const order = [...kept, ...rest];
      placeOf(place).forEach((p, i) => expect(order[p]).toBe(i));
      expect(new Set(placeRows(place, 2)).size).toBe(2 * n);
    }
  }
  expect(divide(placeNeurons(new Array<boolean>(64).fill(true))).kept).toHaveLength(32);
});

test('dropDead is checked', async () => {
  expect((await rejection(loadBitNet(MODELS.odd, { dropDead: 1 as never }))).message).toMatch(
    /true or false as dropDead/,
  );
  expect((await rejection(loadBitNet(MODELS.odd, { dropDead: false, cache: true }))).message).toMatch(/no cache/);
});
