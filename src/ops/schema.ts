import type { DeviceName, DType, TypedArray } from '../tensor/dtype';

/** Shape, dtype and device: what an op knows of a tensor before any value exists. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device?: DeviceName;
}

/**
 * An operand of a reference: contiguous, row-major. `f32` is a Float64Array, `bf16` and `f16` a Uint16Array of bits, `bool` bytes 0 and 1;
 * the others as their name says.
 */
export interface RefArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Work of one call: elementary operations, and bytes that must be read and written on `cpu`. */
export interface Cost {
  readonly ops: number;
  readonly bytes: number;
}

/**
 * How far a float32 kernel may be from the float64 reference, element by element:
 * `|y - r| <= abs + rel * max|r|` over the output. Integer outputs are always exact. `why` derives the numbers.
 */
export type Tolerance =
  { readonly exact: true } | { readonly rel: number; readonly abs?: number; readonly why: string };

/** An input of a test case. */
export interface CaseOperand {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  /** Set on packed ternary weights: `data` are canonical planes, flat, and the test packs them for the variant it runs. */
  readonly packed?: { readonly rows: number; readonly cols: number };
}

/** One test input of an op: the matrix op x device x target x case is generated from these. */
export interface OpCase<A> {
  readonly name: string;
  /** Input operands; `f32` values are rounded to float32 before use. `bf16` and `f16` operands are given as numbers and converted. */
  readonly inputs: readonly CaseOperand[];
  readonly attrs: A;
}

/**
 * An op, declared once. The native kernel of the same name is in `cpp/cpu/kernels`, its shape check in `cpp/ops`.
 *
 * `A` are the attributes: plain data that does not change from call to call of a captured program.
 */
export interface OpDef<A = Record<string, never>> {
  /** snake_case, a trailing `_` when it writes into an input; the name in `cpp/ops.def`. */
  readonly name: string;
  /** Output specs; throws ShapeError, DTypeError or OptionError on what the op does not take. */
  infer(inputs: readonly TensorSpec[], attrs: A): TensorSpec[];
  /** Attributes as up to 16 numbers, in the order the kernel reads them. Omit when there are none. */
  encode?(attrs: A): number[];
  /** The definition: float64, slow and obvious. Writes into `outputs` (zeroed), and into `inputs` that `mutates` lists. */
  reference(inputs: readonly RefArray[], attrs: A, outputs: readonly RefArray[]): void;
  cost(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], attrs: A): Cost;
  readonly tolerance: Tolerance;
  /** Indices of the inputs that the op writes into. */
  readonly mutates?: readonly number[];
  /** Whether the kernel takes strided inputs; otherwise they are made contiguous first. */
  readonly strided?: boolean;
  /** Test inputs: sizes 0, 1, odd, non-multiples of a tile; NaN and infinities where they mean something. */
  cases(): OpCase<A>[];
}

/** Indices of the inputs of a call that the op writes into; `mutates` may list optional ones. */
export function writtenInputs(def: { readonly mutates?: readonly number[] }, inputs: readonly unknown[]): number[] {
  return (def.mutates ?? []).filter((i) => i < inputs.length);
}

/** Bytes of all tensors, each read or written once: the cost of most ops. */
export function touch(...specs: (readonly TensorSpec[])[]): number {
  const width: Record<DType, number> = { f32: 4, bf16: 2, i32: 4, i8: 1, u8: 1, bool: 1, f16: 2 };
  return specs.flat().reduce((sum, s) => sum + s.shape.reduce((n, d) => n * d, 1) * width[s.dtype], 0);
}
