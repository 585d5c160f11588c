import { attrsOffset, descBytes, descsOffset, maxAttrs, maxInputs, recordBytes } from '../native/abi';
import { native } from '../native/addon';
import { UnsupportedError } from '../native/errors';
import type { DType } from '../tensor/dtype';
import { dtypeBytes, dtypeCode } from '../tensor/dtype';
import type { Storage } from '../tensor/storage';

/** A tensor as a record describes it. Every Tensor is one. */
export interface Operand {
  readonly storage: Storage;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** A block of memory for `count` records, with the views that fill it. */
export class RecordBlock {
  readonly buffer: ArrayBuffer;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;

  constructor(count: number) {
    this.buffer = new ArrayBuffer(count * recordBytes);
    this.#i32 = new Int32Array(this.buffer);
    this.#f64 = new Float64Array(this.buffer);
  }

  /** Writes record `index`. Inputs and outputs must be on `cpu`. */
  write(
    index: number,
    opcode: number,
    inputs: readonly Operand[],
    outputs: readonly Operand[],
    attrs: readonly number[],
  ): void {
    const base = index * recordBytes;
    const head = base / 4;
    this.#i32[head] = opcode;
    this.#i32[head + 1] = inputs.length;
    this.#i32[head + 2] = outputs.length;
    this.#i32[head + 3] = attrs.length;
    const a = (base + attrsOffset) / 8;
    for (let i = 0; i < attrs.length && i < maxAttrs; i++) this.#f64[a + i] = attrs[i];
    for (let i = 0; i < inputs.length; i++) this.#desc(base + descsOffset + i * descBytes, inputs[i]);
    for (let i = 0; i < outputs.length; i++) this.#desc(base + descsOffset + (maxInputs + i) * descBytes, outputs[i]);
  }

  #desc(at: number, x: Operand): void {
    const { id, byteOffset } = x.storage.address();
    const i = at / 4;
    this.#i32[i] = id;
    this.#i32[i + 1] = dtypeCode(x.dtype);
    this.#f64[(at + 8) / 8] = x.offset + byteOffset / dtypeBytes(x.dtype);
    this.#i32[i + 4] = x.shape.length;
    for (let d = 0; d < x.shape.length; d++) {
      this.#i32[i + 6 + d] = x.shape[d];
      this.#i32[i + 12 + d] = x.strides[d];
    }
  }
}

let opcodes: Map<string, number> | undefined;

/**
 * Number of an op in `cpp/ops.def`.
 *
 * @throws UnsupportedError if the backend has no kernel of that name
 */
export function opcodeOf(name: string): number {
  opcodes ??= new Map(
    native()
      .opTable()
      .map((op, i) => [op, i]),
  );
  const code = opcodes.get(name);
  if (code === undefined) {
    throw new UnsupportedError(
      `expected an op that "cpu" implements, received "${name}". Run it on the "reference" device, or add its kernel.`,
      { op: name },
    );
  }
  return code;
}
