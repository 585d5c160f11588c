import { compareArrays } from '../../src/ops/compare';
import { runNative } from '../../src/ops/dispatch';
import { allOps } from '../../src/ops/registry';
import type { OpCase, OpDef, RefArray } from '../../src/ops/schema';
import { writtenInputs } from '../../src/ops/schema';
import { packedPlanes, ternaryFromParts } from '../../src/ops/ternary-weights';
import { planeBytes } from '../../src/ops/ternary-planes';
import { empty, fromTypedArray } from '../../src/tensor/create';
import { typedZeros } from '../../src/tensor/dtype';
import { sizeOf } from '../../src/tensor/shape';
import type { Tensor } from '../../src/tensor/tensor';
import { referenceOperand } from '../ops/matrix';
import { describeCuda, simDevice, supportedOps } from './device';

type Operand = OpCase<never>['inputs'][number];

function onDevice(x: Operand): Tensor {
  const { dtype, shape, data } = referenceOperand(x);
  const device = simDevice;
  if (x.packed === undefined)
    return fromTypedArray(dtype === 'f32' ? Float32Array.from(data) : data, { dtype, shape, device });
  const { rows, cols } = x.packed;
  const planes = fromTypedArray(Uint8Array.from(data), { shape: [2, rows, planeBytes(cols)], device });
  const { packed, rowScale } = ternaryFromParts([{ planes, scale: 1 }], cols, device);
  planes.dispose();
  rowScale.dispose();
  return packed;
}

function expectClose(def: OpDef<never>, got: ArrayLike<number>, { dtype, data }: RefArray): void {
  const { maxError, limit, badIndex } = compareArrays(def.tolerance, dtype, got, data);
  if (badIndex < 0) return;
  throw new Error(
    `[${def.name}] element ${badIndex}: expected ${data[badIndex]} within ${limit}, received ${got[badIndex]} (largest error ${maxError})`,
  );
}

// op x case on the simulated GPU: within the op's tolerance of the reference, integers equal.
describeCuda('on a simulated GPU', () => {
  const ops = supportedOps();
  test('has a kernel for every op', () => {
    expect([...ops].sort()).toEqual(allOps.map((def) => def.name).sort());
  });

  describe.each(allOps.map((def) => [def.name, def] as const))('%s', (_name, def) => {
    const cases = def.cases();
    test.each(cases.map((c) => [c.name, c] as const))('%s', (_case, c: OpCase<never>) => {
      const inputs = c.inputs.map(referenceOperand);
      const specs = def.infer(inputs, c.attrs);
      const want = specs.map((s) => ({ ...s, data: typedZeros(s.dtype, 'reference', sizeOf(s.shape)) }));
      def.reference(inputs, c.attrs, want);
      const given = c.inputs.map(onDevice);
      const outputs = specs.map((s) => empty(s.shape, s.dtype, simDevice));
      // What a kernel does not write must not look like a result.
      for (const y of outputs) y.storage.write('u8', 0, new Uint8Array(y.bytes).fill(0xfe));
      runNative(def, given, c.attrs, outputs);
      outputs.forEach((y, i) => expectClose(def, y.data(), want[i]));
      for (const i of writtenInputs(def, inputs))
        expectClose(def, c.inputs[i].packed === undefined ? given[i].data() : packedPlanes(given[i]), inputs[i]);
      for (const x of [...given, ...outputs]) x.dispose();
    });
  });
});
