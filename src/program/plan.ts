import type { Operand } from '../ops/record';
import type { OpDef } from '../ops/schema';
import { NativeStorage, ReferenceStorage, VirtualStorage } from '../tensor/storage';
import type { DeviceName } from '../tensor/dtype';
import { dtypeBytes } from '../tensor/dtype';
import type { Storage } from '../tensor/storage';

/** One recorded op call. */
export interface ProgramRecord {
  readonly def: OpDef<unknown>;
  readonly inputs: readonly Operand[];
  readonly attrs: unknown;
  readonly outputs: readonly Operand[];
}

interface Life {
  storage: VirtualStorage;
  from: number;
  to: number;
  offset: number;
  operand: Operand;
}

const alignment = 256; // what GPUs want; a multiple of what CPUs do

/**
 * Gives every value of a program its memory: values that must stay readable get their own place, temporaries share an
 * arena in which two that live at the same time never overlap.
 *
 * @returns the storages that the program owns
 */
export function planMemory(records: readonly ProgramRecord[], device: DeviceName): Storage[] {
  const lives = lifetimes(records);
  if (device === 'reference') return lives.map(bindReference);
  let size = 0;
  const placed: Life[] = [];
  for (const life of lives) {
    // Lowest offset at which no value alive at the same time is in the way.
    const busy = placed.filter((p) => p.from <= life.to && life.from <= p.to).sort((a, b) => a.offset - b.offset);
    let at = 0;
    for (const p of busy) {
      if (at + life.storage.bytes <= p.offset) break;
      at = Math.max(at, align(p.offset + p.storage.bytes));
    }
    life.offset = at;
    size = Math.max(size, at + life.storage.bytes);
    placed.push(life);
  }
  const arena = new NativeStorage(size, device);
  arena.retain();
  for (const life of lives) life.storage.bind(arena, life.offset);
  return [arena];
}

function align(n: number): number {
  return Math.ceil(n / alignment) * alignment;
}

function bindReference(life: Life): Storage {
  const { dtype } = life.operand;
  const storage = new ReferenceStorage(dtype, life.storage.bytes / dtypeBytes(dtype));
  storage.retain();
  life.storage.bind(storage, 0);
  return storage;
}

// First and last record that touches each value; a readable value lives to the end and into the next step.
function lifetimes(records: readonly ProgramRecord[]): Life[] {
  const lives = new Map<VirtualStorage, Life>();
  records.forEach(({ inputs, outputs }, i) => {
    for (const operand of [...inputs, ...outputs]) {
      const { storage } = operand;
      if (!(storage instanceof VirtualStorage) || storage.place !== undefined) continue;
      const life = lives.get(storage);
      if (life !== undefined) life.to = Math.max(life.to, i);
      else
        lives.set(storage, {
          storage,
          from: storage.readable ? 0 : i,
          to: storage.readable ? records.length : i,
          offset: 0,
          operand,
        });
    }
  });
  return [...lives.values()];
}
