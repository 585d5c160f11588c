import { inspect } from 'node:util';

import { guarded, guardedAsync, native } from '../native/addon';
import { CaptureError, DisposedError, OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import { opcodeOf, RecordBlock } from '../ops/record';
import type { DeviceName } from '../tensor/dtype';
import type { Storage } from '../tensor/storage';
import { VirtualStorage } from '../tensor/storage';
import { diffProgram, type ProgramDiff } from './diff';
import { describeRecords } from './format';
import type { ProgramRecord } from './plan';
import { planMemory } from './plan';
import { profileRecords, type ProfileOptions, type ProgramProfile } from './profile';
import { activeListener } from './tap';

import type { ProgramOutputs } from './capture';
import { runRecord } from './reference';

const collected = new FinalizationRegistry<number>((id) => native().programFree(id));

/**
 * A captured list of op calls with planned memory. Each `step()` runs all of them; what changes from step to step lives
 * in the tensors that the program reads and writes.
 *
 * `console.log(program)` prints the list.
 */
export class Program<T extends ProgramOutputs = ProgramOutputs> {
  /** What the captured function returned; readable after a step, overwritten by the next. */
  readonly outputs: T;
  readonly records: readonly ProgramRecord[];
  readonly device: DeviceName;
  /** Bytes of memory for results, shared between steps. */
  readonly bytes: number;
  readonly #owned: Storage[];
  readonly #used: Storage[];
  #id: number | undefined;
  #disposed = false;

  /** For the library's own use: see `capture()`. */
  constructor(records: readonly ProgramRecord[], outputs: T, device: DeviceName) {
    this.records = records;
    this.outputs = outputs;
    this.device = device;
    this.#owned = planMemory(records, device);
    this.bytes = this.#owned.reduce((sum, s) => sum + s.bytes, 0);
    const used = new Set(records.flatMap((r) => r.inputs.map((x) => x.storage)));
    this.#used = [...used].filter((s) => !(s instanceof VirtualStorage));
    for (const s of this.#used) s.retain();
    if (device === 'reference') return;
    const block = new RecordBlock(records.length);
    records.forEach((r, i) => block.write(i, opcodeOf(r.def.name), r.inputs, r.outputs, r.def.encode?.(r.attrs) ?? []));
    this.#id = guarded(() => native().programCreate(block.buffer));
    collected.register(this, this.#id, this);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Runs the program once, off the JavaScript thread.
   *
   * @throws DisposedError after dispose; ShapeError when data held an index out of range; CaptureError under hooks, which
   *   a program that is already captured cannot see
   */
  async step(): Promise<void> {
    this.#check('step');
    if (this.#id === undefined) {
      // Timers, signals and aborts get their turn, as they do while a native step runs.
      await new Promise((resolve) => setImmediate(resolve));
      return this.stepSync();
    }
    await guardedAsync(native().programStep(this.#id));
  }

  /** As {@link step}, on the calling thread. */
  stepSync(): void {
    this.#check('stepSync');
    const id = this.#id;
    if (id !== undefined) return guarded(() => native().programStepSync(id));
    for (const record of this.records) runRecord(record);
  }

  /**
   * Runs the program `repeats` times and reports the median microseconds of each record beside the time that its bytes
   * need at the machine's read bandwidth and, where the op's peak is given, its operations at that. Tensors that the program writes advance as with `step()`.
   *
   * @param options repeats (default 5); bandwidth in bytes per second (default: measured once); peaks of ops (default: none)
   */
  async profile(options: ProfileOptions = {}): Promise<ProgramProfile> {
    this.#check('profile');
    checkOptions('profile', options, ['repeats', 'bandwidth', 'peaks']);
    const { repeats = 5 } = options;
    if (!Number.isInteger(repeats) || repeats < 1) {
      throw new OptionError(`expected repeats to be a whole number from 1, received ${repeats}.`, { op: 'profile' });
    }
    const id = this.#id;
    if (id === undefined)
      throw new OptionError('expected a program of a native device, received one on "reference".', { op: 'profile' });
    const run = (): Float64Array => guarded(() => native().programProfile(id));
    return profileRecords(this.records, this.device, run, repeats, options.bandwidth, options.peaks);
  }

  /**
   * Runs every record on its device and on the float64 reference, both fed with the reference's inputs (rounded to
   * float32), and compares the results with the op's tolerance. Nothing the program uses is changed.
   *
   * @param device what to compare with: `reference`
   */
  diff(device: 'reference'): ProgramDiff {
    this.#check('diff');
    if (device !== 'reference')
      throw new OptionError(`expected "reference", received "${String(device)}".`, { op: 'diff' });
    return diffProgram(this.records, this.device);
  }

  /** Frees the program's memory. Its outputs cannot be read afterwards. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#id !== undefined) {
      collected.unregister(this);
      native().programFree(this.#id);
      this.#id = undefined;
    }
    for (const s of [...this.#owned, ...this.#used]) s.release();
  }

  toString(): string {
    return describeRecords(this.records, this.device, this.bytes);
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #check(op: string): void {
    if (this.#disposed)
      throw new DisposedError('expected a live program, received one that was disposed. Capture it again.', { op });
    if (activeListener() !== undefined) {
      throw new CaptureError(
        'expected no hooks around a program that is already captured: they would never be called. Capture it again with the hooks in place.',
        { op },
      );
    }
  }
}
