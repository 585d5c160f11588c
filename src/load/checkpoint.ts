import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LoadError, UnsupportedError } from '../native/errors';
import { describe } from '../native/options';
import { exists, readJson } from './file';
import type { SafetensorsFile, TensorEntry } from './safetensors';
import { openSafetensors } from './safetensors';

/** The tensors of a model on disk: where each one lies. Holds no weights and no open files. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  /** Sum of the tensors' sizes in bytes. */
  readonly totalBytes: number;
}

const OP = 'openCheckpoint';
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const MAX_SHARDS = 10_000;

/**
 * Finds and checks the weights of a model without reading them: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` names, which must lie in the same directory.
 *
 * The files themselves may be links, as they are in the Hugging Face cache.
 *
 * @param path a model directory, or a `.safetensors` file
 * @throws LoadError if a file is missing, damaged, or at odds with the index
 * @throws UnsupportedError if the directory holds weights in another format only
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  if (path.endsWith('.safetensors')) return collect([await openSafetensors(path)]);
  const single = join(path, SINGLE);
  if (await exists(single)) return collect([await openSafetensors(single)]);
  const index = join(path, INDEX);
  if (await exists(index)) return openShards(index);
  throw await nothingFound(path);
}

async function openShards(index: string): Promise<Checkpoint> {
  const map = parseIndex(await readJson(OP, index, 2 ** 26), index);
  const names = [...new Set(map.values())].sort();
  if (names.length > MAX_SHARDS) throw fault(index, `at most ${MAX_SHARDS} shards`, `${names.length}`);
  const shards: SafetensorsFile[] = [];
  for (const name of names) {
    const shard = await openSafetensors(join(dirname(index), name));
    for (const tensor of shard.tensors.keys()) {
      if (map.get(tensor) === name) continue;
      throw fault(index, `the index to say that ${tensor} is in ${name}`, map.get(tensor) ?? 'no such entry');
    }
    shards.push(shard);
  }
  const checkpoint = collect(shards);
  for (const [tensor, shard] of map) {
    if (!checkpoint.tensors.has(tensor)) throw fault(index, `${tensor} in ${shard}`, 'a shard without it');
  }
  return checkpoint;
}

/** @returns tensor name to file name */
function parseIndex(json: unknown, index: string): Map<string, string> {
  const map: unknown =
    typeof json === 'object' && json !== null ? (json as Record<string, unknown>)['weight_map'] : undefined;
  if (typeof map !== 'object' || map === null || Array.isArray(map) || Object.keys(map).length === 0) {
    throw fault(index, 'a weight_map from tensor names to file names', map === undefined ? 'none' : describe(map));
  }
  const entries = Object.entries(map as Record<string, unknown>);
  for (const [, file] of entries) {
    // A plain name in the same directory: no separator, no drive, no parent.
    if (typeof file === 'string' && /^[\w-][\w.-]{0,240}\.safetensors$/.test(file)) continue;
    throw fault(index, 'shards with plain names such as model-00001-of-00002.safetensors', describe(file));
  }
  return new Map(entries as [string, string][]);
}

function collect(files: readonly SafetensorsFile[]): Checkpoint {
  const tensors = new Map(files.flatMap((file) => [...file.tensors]));
  let totalBytes = 0;
  for (const entry of tensors.values()) totalBytes += entry.bytes;
  return { tensors, files: files.map(({ path, bytes }) => ({ path, bytes })), totalBytes };
}

async function nothingFound(path: string): Promise<LoadError | UnsupportedError> {
  const names = await readdir(path).catch(() => undefined);
  const details = { path };
  if (names === undefined) {
    return new LoadError(
      `expected a model directory at ${path}, received nothing there that can be listed. Check the path.`,
      {
        op: OP,
        details,
      },
    );
  }
  const other = names.find((name) => /\.(bin|pt|pth|gguf|onnx|npz)$/.test(name));
  const expected = `expected ${SINGLE} or ${INDEX} in ${path}`;
  if (other === undefined)
    return new LoadError(`${expected}, received neither. Check the path or fetch the weights.`, { op: OP, details });
  return new UnsupportedError(`${expected}, received ${other}. Convert the weights to safetensors.`, {
    op: OP,
    details: { path, found: other },
  });
}

function fault(index: string, expected: string, received: string): LoadError {
  return new LoadError(
    `expected ${expected}, received ${received}, in ${index}. Fetch the index and its shards again.`,
    {
      op: OP,
      details: { path: index },
    },
  );
}
