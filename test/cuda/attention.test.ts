import { attention, attnScores, attnValues } from '../../src/ops/attention';
import { rmsNorm } from '../../src/ops/norm';
import { slice } from '../../src/ops/slice';
import { moveTo } from '../../src/tensor/move';
import type { DeviceName } from '../../src/tensor/dtype';
import type { Tensor } from '../../src/tensor/tensor';
import { describeCuda, simDevice } from './device';
import { bits, floats, ints } from '../ops/made';

// Rows of several slots around the blocks of 64 and 128 positions; with as many slots as rows each goes alone, and positions are split.
describeCuda('attention on a simulated GPU has the bits of the CPU', () => {
  const pos = [0, 63, 64, -1, 290, 127, 128, 3, 257, 77, 16];
  const slot = [0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1];

  describe.each([
    [4, 2, 16],
    [5, 1, 33],
    [20, 5, 128],
  ])('%i heads, %i key/value heads of %i', (heads, kvHeads, size) => {
    const scale = 1 / Math.sqrt(size);
    const q = floats([pos.length, heads, size], 3);
    test.each([2, 11])('%i slots', (slots) => {
      const inputs = [q, floats([slots, kvHeads, 300, size], 1), floats([slots, kvHeads, 300, size], 2)];
      const run = (device: DeviceName): Tensor[] => {
        const [x, keys, values] = inputs.map((t) => moveTo(t, device));
        const [s, p] = [ints(...slot), ints(...pos)].map((t) => moveTo(t, device));
        const scores = attnScores(x, keys, s, p, { scale, length: 200 });
        const pattern = moveTo(floats([heads, pos.length, 200], 5), device);
        return [attention(x, keys, values, s, p, scale), scores, attnValues(pattern, values, s, p)];
      };
      expect(run(simDevice).map(bits)).toEqual(run('cpu').map(bits));
    });

    test('a row alone has the bits that it has among others', () => {
      const [x, keys, values] = [q, floats([2, kvHeads, 300, size], 1), floats([2, kvHeads, 300, size], 2)].map((t) =>
        moveTo(t, simDevice),
      );
      const at = (s: number[], p: number[], rows: Tensor): Tensor =>
        attention(rows, keys, values, moveTo(ints(...s), simDevice), moveTo(ints(...p), simDevice), scale);
      const whole = bits(at(slot, pos, x));
      const each = pos.map((p, t) => bits(at([slot[t]], [p], moveTo(slice(q, `${t}:${t + 1}`), simDevice))));
      expect(each.join('')).toBe(whole);
    });
  });
});

describeCuda('norms on a simulated GPU have the bits of the CPU', () => {
  test.each([1, 5, 37, 2560, 6912])('%i wide', (width) => {
    const run = (device: DeviceName): string =>
      bits(rmsNorm(moveTo(floats([7, width], width), device), moveTo(floats([width], 2), device), 1e-5));
    expect(run(simDevice)).toBe(run('cpu'));
  });
});
