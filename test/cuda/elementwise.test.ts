import { add, lt, mul } from '../../src/ops/binary';
import { noise } from '../../src/ops/case-data';
import { flip } from '../../src/ops/concat';
import { copy } from '../../src/ops/copy';
import { bincount } from '../../src/ops/count';
import { where } from '../../src/ops/select';
import { slice } from '../../src/ops/slice';
import { sin } from '../../src/ops/unary';
import { expand, transpose } from '../../src/ops/views';
import { tensor } from '../../src/tensor/create';
import type { DeviceName } from '../../src/tensor/dtype';
import { moveTo } from '../../src/tensor/move';
import type { Tensor } from '../../src/tensor/tensor';
import { describeCuda, simDevice } from './device';

const floats = (rows: number, cols: number, seed: number): Tensor =>
  tensor(Float32Array.from(noise(rows * cols, seed)), { shape: [rows, cols] });
const ints = (count: number, below: number): Tensor =>
  tensor(Int32Array.from({ length: count }, (_, i) => (i * i + 7 * i) % below));
const bytes = (x: Tensor): Buffer => Buffer.from(x.data().slice().buffer);

function expectCpuBits(f: (...x: Tensor[]) => Tensor, ...inputs: Tensor[]): void {
  const run = (device: DeviceName): Buffer => bytes(f(...inputs.map((x) => moveTo(x, device))));
  expect(run(simDevice).equals(run('cpu'))).toBe(true);
}

// Elements go 16 bytes at a time where the operands' memory allows, else one at a time: sizes and views on both sides of that.
describeCuda('elementwise ops on a simulated GPU have the bits of the CPU', () => {
  const x = floats(9, 64, 1);
  const odd = floats(9, 63, 2);

  test.each<[string, (...t: Tensor[]) => Tensor, ...Tensor[]]>([
    ['whole packs', add, x, floats(9, 64, 3)],
    ['a rest after the packs', add, odd, floats(9, 63, 4)],
    ['a row for all', mul, x, floats(1, 64, 5)],
    ['a row for all, of an odd length', mul, odd, floats(1, 63, 6)],
    ['a column for all', lt, x, floats(9, 1, 7)],
    ['one value for all', lt, odd, floats(1, 1, 8)],
    ['memory that is not aligned', (t) => add(slice(t, '1:4'), slice(t, '5:8')), floats(9, 65, 9)],
    ['columns cut out', (t) => mul(slice(t, ':', '4:40'), slice(t, ':', '5:41')), x],
    ['a transposed operand', (t) => add(transpose(t), transpose(t)), x],
    ['a transposed copy', (t) => copy(transpose(t)), odd],
    ['bytes and words together', (t, z) => where(lt(t, z), t, z), x, floats(9, 64, 10)],
    ['an expanded copy', (t) => copy(expand(t, [5, 64])), floats(1, 64, 11)],
    ['flipped rows', (t) => flip(t, 0), odd],
    ['flipped columns of a transposed view', (t) => flip(transpose(t), 1), x],
    ['angles of every size', (t) => sin(mul(mul(t, t), mul(t, 1e9))), x],
    ['few bins', (t) => bincount(t, 11), ints(3000, 11)],
    ['more bins than shared memory is used for', (t) => bincount(t, 5003), ints(3000, 5003)],
  ])('%s', (_name, f, ...inputs) => expectCpuBits(f, ...inputs));

  test('an index without a bin is an error', () => {
    expect(() => bincount(moveTo(ints(3000, 11), simDevice), 10)).toThrow(/10/);
  });
});
