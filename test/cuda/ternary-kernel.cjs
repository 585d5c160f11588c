// Ternary products on a device, with the kernel that ROTOR_CUDA_KERNEL forces, against the cpu: node ternary-kernel.cjs <device> <shapes as JSON>.
// The library reads the variable once, so each kernel has a process of its own. Prints what differs, and fails then.
const { join } = require('node:path');

const part = (name) => require(join(__dirname, '../../dist', name));
const { fromTypedArray } = part('tensor/create');
const { rescale, ternaryMatmul, ternaryMatmulI32 } = part('ops/ternary');
const { ternaryFromParts } = part('ops/ternary-weights');
const { planeBytes, planesOf } = part('ops/ternary-planes');

const [device, shapes] = [process.argv[2], JSON.parse(process.argv[3])];

let state = 1;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};

function operands({ tokens, rows, cols, code, weight }) {
  const weights = Int8Array.from({ length: rows * cols }, () => weight ?? random(3) - 1);
  const q8 = Int8Array.from({ length: tokens * cols }, () => code ?? random(256) - 128);
  const scale = Float32Array.from({ length: tokens }, () => 20 + random(1000) / 77);
  return { planes: planesOf(weights, rows, cols), q8, scale };
}

function results(where, { tokens, rows, cols }, { planes, q8, scale }) {
  const cut = Math.floor(rows / 3);
  const source = fromTypedArray(planes, { shape: [2, rows, planeBytes(cols)], device: where });
  const weight = ternaryFromParts([{ planes: source, scale: 1.375 }], cols, where);
  const x = fromTypedArray(q8, { shape: [tokens, cols], device: where });
  const s = fromTypedArray(scale, { shape: [tokens, 1], device: where });
  const sums = ternaryMatmulI32(x, weight);
  const outputs = [sums, ...ternaryMatmul(x, s, weight, [cut, rows - cut]), rescale(sums, s, weight.rowScale)];
  const values = outputs.map((y) => Array.from(y.toFloat64Array()));
  for (const y of [...outputs, source, weight.packed, weight.rowScale, x, s]) y.dispose();
  return values;
}

let failed = 0;
for (const shape of shapes) {
  const given = operands(shape);
  const want = results('cpu', shape, given);
  const got = results(device, shape, given);
  want.forEach((y, i) => {
    const at = y.findIndex((v, j) => !Object.is(v, got[i][j]));
    if (at < 0) return;
    failed++;
    console.log(`${JSON.stringify(shape)} result ${i} at ${at}: expected ${y[at]}, received ${got[i][at]}`);
  });
}
process.exitCode = failed > 0 ? 1 : 0;
