import type { BitNet } from '../../src/model/bitnet';
import { memoryStats } from '../../src/native/device-info';
import { mul } from '../../src/ops/binary';
import { cast } from '../../src/ops/cast';
import { slice } from '../../src/ops/slice';
import { scope } from '../../src/tensor/scope';
import type { Tensor } from '../../src/tensor/tensor';
import type { RunMode } from '../../src/trace/run';
import { run, runWithCache, runWithHooks } from '../../src/trace/run';
import { tapNames } from '../../src/trace/names';
import { collectGarbage } from '../collect';
import { tinyModel } from '../generate/models';
import { thrown } from '../load/fixtures';

const ids = [0, 3526, 262, 2729, 14];
const modes: RunMode[] = ['eager', 'captured'];

let model: BitNet;
beforeAll(async () => {
  model = await tinyModel();
});
afterAll(() => {
  model.dispose();
});

const bits = (x: Tensor): string => Buffer.from(x.data().slice().buffer).toString('base64');

describe('runWithCache', () => {
  it('keeps every tap, the same bits eager and captured, and leaves the logits as they are', () => {
    scope(() => {
      const plain = run(model, ids);
      const [eager, captured] = modes.map((mode) => runWithCache(model, ids, { mode }));
      expect(eager.cache.keys()).toEqual(tapNames(model.config));
      expect(captured.cache.keys()).toEqual(eager.cache.keys());
      for (const name of eager.cache.keys())
        expect([name, bits(captured.cache.get(name))]).toEqual([name, bits(eager.cache.get(name))]);
      expect(bits(eager.logits)).toBe(bits(plain));
      expect(bits(captured.logits)).toBe(bits(plain));
      expect(bits(eager.cache.get('unembed.hook_out'))).toBe(bits(plain));
    });
  });

  it.each<[string, string | string[] | ((name: string) => boolean), string[]]>([
    ['a name', 'hook_embed', ['hook_embed']],
    ['a pattern', 'blocks.*.attn.hook_pattern', ['blocks.0.attn.hook_pattern', 'blocks.1.attn.hook_pattern']],
    ['a list', ['ln_final.hook_out', 'hook_embed'], ['hook_embed', 'ln_final.hook_out']],
    [
      'a test',
      (name) => name.startsWith('ln_final'),
      ['ln_final.hook_scale', 'ln_final.hook_normalized', 'ln_final.hook_out'],
    ],
  ])('keeps what %s means', (_, namesFilter, expected) => {
    scope(() => {
      const keys = runWithCache(model, ids, { namesFilter }).cache.keys();
      expect(keys.filter((name) => !/blocks\.([2-9]|\d\d)/.test(name))).toEqual(expected);
    });
  });

  it('finds values by their short names', () => {
    scope(() => {
      const { cache } = runWithCache(model, ids);
      expect(cache.get('pattern', 0)).toBe(cache.get('blocks.0.attn.hook_pattern'));
      expect(cache.get('ln1.hook_out', 1)).toBe(cache.get('blocks.1.ln1.hook_out'));
      expect(cache.get('embed')).toBe(cache.get('hook_embed'));
      expect(cache.residualStream()).toHaveLength(model.config.numHiddenLayers + 1);
    });
  });

  it('says what is wrong with a name', () => {
    expect(thrown(() => runWithCache(model, ids, { namesFilter: 'blocks.0.attn.hook_patern' })).message).toMatch(
      /received "blocks\.0\.attn\.hook_patern"\. Did you mean "blocks\.0\.attn\.hook_pattern"\?/,
    );
    expect(thrown(() => runWithCache(model, ids, { namesFilter: () => false })).message).toMatch(/matches none/);
    scope(() => {
      const { cache } = runWithCache(model, ids, { namesFilter: 'hook_embed' });
      expect(thrown(() => cache.get('pattern', 0)).message).toMatch(/Add it to namesFilter/);
      expect(thrown(() => cache.get('pattern', 99)).message).toMatch(/in layer 99 of/);
    });
    expect(thrown(() => runWithCache(model, ids, { names: 'x' } as never)).message).toMatch(/names/);
    expect(thrown(() => run(model, [])).message).toMatch(/empty prompt/);
  });
});

describe('runWithHooks', () => {
  it.each(modes)('hooks that change nothing give the same bits, %s', (mode) => {
    scope(() => {
      const seen: string[] = [];
      const hooked = runWithHooks(model, ids, { fwdHooks: [[undefined, (_x, name) => void seen.push(name)]], mode });
      expect(bits(hooked)).toBe(bits(run(model, ids)));
      expect(seen).toEqual(tapNames(model.config));
    });
  });

  it('a replaced value goes on through the model, the same bits eager and captured', () => {
    scope(() => {
      const fwdHooks = [['blocks.0.hook_mlp_out', (x: Tensor) => mul(x, 0)]] as const;
      const results = modes.map((mode) => runWithCache(model, ids, { fwdHooks, mode }));
      const [eager, captured] = results;
      expect(bits(captured.logits)).toBe(bits(eager.logits));
      expect(bits(eager.logits)).not.toBe(bits(run(model, ids)));
      // Without its MLP the first block ends where the middle was.
      expect(bits(eager.cache.get('resid_post', 0))).toBe(bits(eager.cache.get('resid_mid', 0)));
    });
  });

  it('hooks of one tap run in order, each seeing the result of the one before', () => {
    scope(() => {
      const fwdHooks = [
        ['hook_embed', (x: Tensor) => mul(x, 2)],
        ['hook_embed', (x: Tensor) => mul(x, 0.5)],
      ] as const;
      expect(bits(runWithHooks(model, ids, { fwdHooks }))).toBe(bits(run(model, ids)));
    });
  });

  it('a hook that reads data may do so eager, and raises under capture, naming the tap', () => {
    const read = { fwdHooks: [['blocks.1.hook_resid_mid', (x: Tensor) => void x.data()]] } as const;
    scope(() => expect(bits(runWithHooks(model, ids, read))).toBe(bits(run(model, ids))));
    const error = thrown(() => runWithHooks(model, ids, { ...read, mode: 'captured' }));
    expect(error).toMatchObject({ name: 'CaptureError', details: { tap: 'blocks.1.hook_resid_mid' } });
    expect(error.message).toMatch(/hook "blocks\.1\.hook_resid_mid"/);
  });

  it.each<[string, (x: Tensor) => unknown, RegExp]>([
    [
      'a wrong shape',
      (x) => slice(x, '1:'),
      /expected hook "hook_embed" to return shape \[5, \d+\], received \[4, \d+\]/,
    ],
    ['a wrong dtype', (x) => cast(x, 'bf16'), /to return dtype f32, received bf16\. Convert it with cast/],
    ['a number', () => 3, /return a tensor or nothing, received 3/],
  ])('refuses %s from a hook', (_, hook, message) => {
    for (const mode of modes)
      expect(
        thrown(() => runWithHooks(model, ids, { fwdHooks: [['hook_embed', hook as never]], mode })).message,
      ).toMatch(message);
  });

  it('refuses what is no hook and no mode', () => {
    expect(thrown(() => runWithHooks(model, ids, { fwdHooks: [['hook_embed', 3 as never]] })).message).toMatch(
      /a function/,
    );
    expect(thrown(() => runWithHooks(model, ids, { mode: 'lazy' as never })).message).toMatch(/"eager" or "captured"/);
  });
});

it('a cache that leaves a scope keeps its values, and so does a single value', () => {
  const { cache } = scope(() => runWithCache(model, ids));
  expect(cache.get('embed').shape).toEqual([ids.length, model.config.hiddenSize]);
  cache.dispose();
  const pattern = scope(() => runWithCache(model, ids).cache.get('pattern', 0));
  expect(pattern.disposed).toBe(false);
  pattern.dispose();
});

it('leaves nothing behind, failed or not', async () => {
  const once = (): void => {
    scope(() => void runWithCache(model, ids, { mode: 'captured' }));
    scope(() => void runWithCache(model, ids));
    thrown(() => runWithCache(model, ids, { fwdHooks: [['ln_final.hook_out', () => 1 as never]] }));
    thrown(() =>
      runWithCache(model, ids, { fwdHooks: [['ln_final.hook_out', (x) => void x.data()]], mode: 'captured' }),
    );
  };
  once();
  await collectGarbage();
  const before = memoryStats().liveBuffers;
  once();
  await collectGarbage();
  expect(memoryStats().liveBuffers).toBe(before);
});
