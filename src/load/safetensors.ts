import { LoadError } from '../native/errors';
import { fileSize, readInto } from './file';
import { parseHeaderJson } from './header-json';
import type { StoredDType } from './stored-dtype';
import { isStoredDType, STORED_BYTES } from './stored-dtype';

/** Where a tensor lies in a file. The element order is row-major, little endian; `begin` may be any byte, aligned or not. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Path of the file that holds it. */
  readonly file: string;
  /** Offset of the first byte from the start of the file. */
  readonly begin: number;
  /** Size in bytes: the product of `shape` times the size of an element. */
  readonly bytes: number;
}

/** What the header of a safetensors file says. */
export interface SafetensorsFile {
  readonly path: string;
  /** Size of the whole file. */
  readonly bytes: number;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

const OP = 'openSafetensors';
/** Limit of the reference implementation. */
const MAX_HEADER = 100_000_000;
const MAX_TENSORS = 100_000;
const MAX_NAME = 1024;
const MAX_DIMS = 8;

/**
 * Reads and checks the header of a safetensors file; no tensor is read.
 *
 * Everything is checked before it is used: the lengths against the file, shapes against byte ranges without overflow, and
 * that the ranges cover the data without gap or overlap. Source: the safetensors format, and what its reference
 * implementation refuses; repeated keys and headers that do not start with `{` are refused as well.
 *
 * @throws LoadError that says what is wrong with which tensor
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const bytes = await fileSize(OP, path);
  if (bytes < 8) throw broken(path, 'at least 8 bytes', `a file of ${bytes} bytes`);
  const prefix = new Uint8Array(8);
  await readInto(OP, path, 0, prefix);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(bytes - 8)) {
    throw broken(path, `a header within the file's ${bytes} bytes`, `a header length of ${length}`);
  }
  if (length > MAX_HEADER)
    throw broken(path, `a header of at most ${MAX_HEADER} bytes`, `a header length of ${length}`);
  const header = new Uint8Array(Number(length));
  await readInto(OP, path, 8, header);
  return { path, bytes, ...parseHeader(path, header, bytes) };
}

function parseHeader(
  path: string,
  header: Uint8Array,
  fileBytes: number,
): { tensors: Map<string, TensorEntry>; metadata: Record<string, string> } {
  let json: Record<string, unknown>;
  try {
    json = parseHeaderJson(header);
  } catch (error) {
    throw broken(path, 'a JSON object as header', (error as Error).message);
  }
  const items = Object.entries(json).filter(([name]) => name !== '__metadata__');
  if (items.length > MAX_TENSORS) throw broken(path, `at most ${MAX_TENSORS} tensors`, `${items.length}`);
  const dataBegin = 8 + header.length;
  const entries = items.map(([name, item]) => parseEntry(path, name, item, dataBegin, fileBytes - dataBegin));
  checkCoverage(path, entries, dataBegin, fileBytes);
  return { tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata: parseMetadata(path, json) };
}

function parseEntry(path: string, name: string, item: unknown, dataBegin: number, dataBytes: number): TensorEntry {
  const shown = JSON.stringify(name.slice(0, 80));
  const fail = (expected: string, received: string) =>
    broken(path, `${shown} to have ${expected}`, received, name.slice(0, 80));
  if (name.length === 0 || Buffer.byteLength(name) > MAX_NAME) {
    throw fail(`a name of 1 to ${MAX_NAME} bytes`, `${Buffer.byteLength(name)} bytes`);
  }
  if (!isObject(item)) throw fail('a dtype, a shape and data_offsets', shorten(item));
  const { dtype, shape, data_offsets: offsets } = item;
  if (!isStoredDType(dtype)) throw fail(`a dtype among ${Object.keys(STORED_BYTES).join(', ')}`, shorten(dtype));
  if (!isIntegers(shape) || shape.length > MAX_DIMS)
    throw fail(`a shape of at most ${MAX_DIMS} integers`, shorten(shape));
  if (!isIntegers(offsets) || offsets.length !== 2) throw fail('two integers as data_offsets', shorten(offsets));
  const [begin, end] = offsets;
  if (begin > end) throw fail('data_offsets in order', shorten(offsets));
  if (end > dataBytes)
    throw fail(`data_offsets within ${dataBytes} bytes of data`, `${shorten(offsets)}; is the file truncated?`);
  // As big integers, so that no product of hostile sizes wraps or rounds to the right number.
  const needed = shape.reduce((product, size) => product * BigInt(size), BigInt(STORED_BYTES[dtype]));
  if (needed !== BigInt(end - begin)) {
    throw fail(`${needed} bytes (${dtype} ${shorten(shape)})`, `a range of ${end - begin} bytes`);
  }
  return { name, dtype, shape, file: path, begin: dataBegin + begin, bytes: end - begin };
}

/** In order of their offsets the ranges must touch, the first at the start of the data and the last at the end of the file. */
function checkCoverage(path: string, entries: readonly TensorEntry[], dataBegin: number, fileBytes: number): void {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.bytes - b.bytes);
  let at = dataBegin;
  for (const { name, begin, bytes } of sorted) {
    if (begin !== at) {
      const fault = begin < at ? `an overlap of ${at - begin} bytes` : `a gap of ${begin - at} bytes`;
      throw broken(
        path,
        `${JSON.stringify(name.slice(0, 80))} to begin where the tensor before it ends`,
        fault,
        name.slice(0, 80),
      );
    }
    at = begin + bytes;
  }
  if (at !== fileBytes) throw broken(path, 'the file to end with the last tensor', `${fileBytes - at} more bytes`);
}

function parseMetadata(path: string, json: Record<string, unknown>): Record<string, string> {
  const metadata = Object.hasOwn(json, '__metadata__') ? json['__metadata__'] : {};
  if (isObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string')) {
    return metadata as Record<string, string>;
  }
  throw broken(path, '__metadata__ to be an object of strings', shorten(metadata));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function broken(path: string, expected: string, received: string, tensor?: string): LoadError {
  return new LoadError(
    `expected ${expected}, received ${received}, in ${path}. The file is damaged or not safetensors: fetch it again.`,
    {
      op: OP,
      details: tensor === undefined ? { path } : { path, tensor },
    },
  );
}
