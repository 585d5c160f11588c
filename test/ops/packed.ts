import { native } from '../../src/native/addon';
import { runNative } from '../../src/ops/dispatch';
import { ternaryPackDef, ternaryUnpackDef } from '../../src/ops/ternary-pack';
import { planeBytes, planesOf } from '../../src/ops/ternary-planes';
import { empty, fromTypedArray } from '../../src/tensor/create';
import type { Tensor } from '../../src/tensor/tensor';

interface Size {
  readonly rows: number;
  readonly cols: number;
}

/** Weights given as canonical planes, in the order that a variant wants. */
export function packFor(variant: string, planes: ArrayLike<number>, { rows, cols }: Size): Tensor {
  const packed = empty([native().ternaryBytes(rows, cols, variant)], 'u8', 'cpu');
  const source = fromTypedArray(Uint8Array.from(planes), { shape: [2, rows, planeBytes(cols)] });
  runNative(ternaryPackDef, [packed, source], { rows, cols, begin: 0 }, [], { variant, spread: false });
  source.dispose();
  return packed;
}

/** The canonical planes, flat, of weights in the order of a variant. */
export function planesFrom(variant: string, packed: Tensor, { rows, cols }: Size): Tensor {
  const values = empty([rows, cols], 'i8', 'cpu');
  runNative(ternaryUnpackDef, [packed], { rows, cols, begin: 0, count: rows }, [values], { variant, spread: false });
  const planes = fromTypedArray(planesOf(values.data(), rows, cols));
  values.dispose();
  return planes;
}
