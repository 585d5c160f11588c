import { native } from '../../src/native/addon';
import { compareArrays } from '../../src/ops/compare';
import { runNative } from '../../src/ops/dispatch';
import { allOps } from '../../src/ops/registry';
import type { CaseOperand, OpCase, OpDef, RefArray } from '../../src/ops/schema';
import { writtenInputs } from '../../src/ops/schema';
import { empty, fromTypedArray } from '../../src/tensor/create';
import { encoderOf, typedZeros } from '../../src/tensor/dtype';
import type { Tensor } from '../../src/tensor/tensor';
import { packFor, planesFrom } from './packed';

type Operand = CaseOperand;

/** What the reference sees: f32 values rounded to float32, 16-bit floats as bits. */
export function referenceOperand({ dtype, shape, data }: Operand): RefArray {
  const out = typedZeros(dtype, 'reference', data.length);
  for (let i = 0; i < data.length; i++) out[i] = dtype === 'f32' ? Math.fround(data[i]) : encoderOf(dtype)(data[i]);
  return { dtype, shape, data: out };
}

function onCpu({ dtype, shape, data }: RefArray): Tensor {
  return fromTypedArray(dtype === 'f32' ? Float32Array.from(data) : data, { dtype, shape });
}

function bits(tensors: readonly Tensor[]): string {
  return tensors.map((x) => Buffer.from(x.data().slice().buffer).toString('hex')).join('|');
}

function expectClose(def: OpDef<never>, got: Tensor, want: RefArray): void {
  const { maxError, limit, badIndex } = compareArrays(def.tolerance, got.dtype, got.data(), want.data);
  if (badIndex < 0) return;
  throw new Error(
    `[${def.name}] element ${badIndex}: expected ${want.data[badIndex]} within ${limit}, received ${got.data()[badIndex]} (largest error ${maxError})`,
  );
}

/**
 * One test for every case of every op: on each variant and number of threads within the op's tolerance of the reference, and
 * with the bits of the first variant.
 */
export function testMatrix(variants: () => readonly string[], threads: readonly number[]): void {
  describe.each(allOps.map((def) => [def.name, def] as const))('%s', (_name, def) => {
    const cases = def.cases();

    test('has cases', () => expect(cases.length).toBeGreaterThan(0));

    test.each(cases.map((c) => [c.name, c] as const))('%s', (_case, c: OpCase<never>) => {
      const inputs = c.inputs.map(referenceOperand);
      const specs = def.infer(inputs, c.attrs);
      const want = specs.map((s) => ({
        ...s,
        data: typedZeros(
          s.dtype,
          'reference',
          s.shape.reduce((n, d) => n * d, 1),
        ),
      }));
      def.reference(inputs, c.attrs, want);
      let first: string | undefined;
      const before = native().getThreads();
      try {
        for (const variant of variants()) {
          for (const count of threads) {
            native().setThreads(count);
            const given = c.inputs.map((x) =>
              x.packed === undefined ? onCpu(referenceOperand(x)) : packFor(variant, x.data, x.packed),
            );
            const outputs = specs.map((s) => empty(s.shape, s.dtype, 'cpu'));
            runNative(def, given, c.attrs, outputs, { variant, spread: true });
            outputs.forEach((y, i) => expectClose(def, y, want[i]));
            const mutated = writtenInputs(def, inputs).map((i) => {
              const { packed } = c.inputs[i];
              return packed === undefined ? given[i] : planesFrom(variant, given[i], packed);
            });
            writtenInputs(def, inputs).forEach((i, j) => expectClose(def, mutated[j], inputs[i]));
            const all = bits([...outputs, ...mutated]);
            first ??= all;
            expect(all).toBe(first); // the same bits on every variant and thread count
            for (const x of [...given, ...outputs, ...mutated]) x.dispose();
          }
        }
      } finally {
        native().setThreads(before);
      }
    });
  });
}
