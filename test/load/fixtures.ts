import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `models/rotor-tiny` and the golden directories, whatever the working directory. */
export const MODELS = {
  tiny: join(__dirname, '../../models/rotor-tiny'),
  odd: join(__dirname, '../golden/odd'),
  masters: join(__dirname, '../golden/masters'),
  llama: join(__dirname, '../golden/llama'),
} as const;

/** A new empty directory, removed after the tests of the file. */
export function temporaryDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rotor-load-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A tensor as the header of a safetensors file describes it, with zeros as data. */
export interface FakeTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
}

const BYTES: Readonly<Record<string, number>> = { U8: 1, I8: 1, F16: 2, BF16: 2, F32: 4 };

/** Bytes of a safetensors file with this header text and this much data, whether or not they go together. */
export function rawFile(header: string | Uint8Array, data: number | Uint8Array = 0, length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? Buffer.from(header) : header;
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, typeof data === 'number' ? Buffer.alloc(data) : data]);
}

/** Writes a well-formed file of zeros. */
export function writeFake(path: string, tensors: Readonly<Record<string, FakeTensor>>): void {
  let at = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const bytes = shape.reduce((product, n) => product * n, BYTES[dtype]);
    header[name] = { dtype, shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  writeFileSync(path, rawFile(JSON.stringify(header), at));
}

/** The error that a promise rejects with; fails the test when it does not. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected a rejection, received a value');
}

/** The error that a function throws; fails the test when it does not. */
export function thrown(run: () => unknown): Error & { code?: string; details?: Record<string, unknown> } {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error, received a value');
}
