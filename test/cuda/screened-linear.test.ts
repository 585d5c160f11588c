import { noise } from '../../src/ops/case-data';
import { cast } from '../../src/ops/cast';
import { quantizeRows } from '../../src/ops/screen';
import { screenedLinear } from '../../src/ops/screened-linear';
import type { DeviceName } from '../../src/tensor/dtype';
import { tensor, zeros } from '../../src/tensor/create';
import { moveTo } from '../../src/tensor/move';
import { describeCuda, simDevice } from './device';

const vocab = 3001;
const rows = 9;

// Temperature, top-k, and what turns the other filters off: greedy, drawn from a few, drawn from many, drawn from all.
const settings = [
  [0, 0],
  [1, 5],
  [0.7, 40],
  [1, 0],
  [1, 374],
  [1, 1000],
].map((s) => [...s, 1, 0, 1, 1.1, 0.1, 0.2]);

describeCuda('the screened head on a simulated GPU', () => {
  test.each([128, 61])('has the bits and counts of the CPU, %i wide', (width) => {
    const weight = cast(tensor(Float32Array.from(noise(vocab * width, 1)), { shape: [vocab, width] }), 'bf16');
    const x = tensor(Float32Array.from(noise(rows * width, 2)), { shape: [rows, width] });
    const params = Array.from({ length: rows }, (_, t) => settings[t % settings.length]).flat();
    const seen = Int32Array.from({ length: rows * vocab }, (_, i) => (i % 11 === 0 ? 1 + (i % 3) : 0));
    const run = (device: DeviceName): string[] => {
      const w = moveTo(weight, device);
      const [codes, bounds] = quantizeRows(w);
      const [logits, counts] = screenedLinear(moveTo(x, device), w, codes, bounds, {
        pos: moveTo(tensor(Int32Array.from({ length: rows }, (_, t) => (t === 7 ? -1 : t))), device),
        params: moveTo(tensor(Float32Array.from(params), { shape: [rows, 8] }), device),
        seen: moveTo(tensor(seen, { shape: [rows, vocab] }), device),
        bias: zeros([rows, vocab], { device }),
      });
      return [codes, bounds, logits, counts].map((t) => Buffer.from(t.data().slice().buffer).toString('hex'));
    };
    expect(run(simDevice)).toEqual(run('cpu'));
  });
});
