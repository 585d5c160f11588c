import { join } from 'node:path';

import type { BitNet } from '../../src/model/bitnet';
import { MODELS } from '../load/fixtures';
import { type Golden, loadGolden } from '../load/golden';
import { one, prompts, tinyModel } from './models';

describe('reference', () => {
  let model: BitNet;
  let golden: Golden;
  beforeAll(async () => {
    model = await tinyModel('reference');
    golden = await loadGolden(join(MODELS.tiny, 'golden'));
  }, 60_000);
  afterAll(() => model.dispose());

  test('greedy ids equal the float64 definition in all cases', async () => {
    expect(golden.cases).toHaveLength(24);
    for (const { ids, greedy64 } of golden.cases) {
      const result = await one(model, ids, { maxTokens: greedy64.length, ignoreEos: true });
      expect(result.ids).toEqual(greedy64);
    }
  }, 600_000);

  test('a signal stops it although it runs on the calling thread', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const result = await one(model, prompts[3], { maxTokens: 150, ignoreEos: true, signal: controller.signal });
    expect(result.finishReason).toBe('abort');
    expect(result.ids.length).toBeLessThan(150);
  }, 60_000);
});
