import { OptionError } from '../native/errors';
import { checkOptions } from '../native/options';
import { formatNumber } from '../plot/label';
import { Coalescer } from './coalesce';
import { LiveOutput } from './output';
import type { MimeBundle } from './mime';
import { escapeHtml } from './mime';

/** Options of {@link progress}. */
export interface ProgressOptions {
  /** What is being done, in front of the bar. */
  readonly label?: string;
  /** How much there is to do; without it the bar counts only. */
  readonly total?: number;
  /** Unit of what is counted, such as `tokens` or `MB`. */
  readonly unit?: string;
}

/** What drivers report: how much is done, and of how much. */
export interface ProgressReport {
  readonly done: number;
  readonly total?: number;
  readonly label?: string;
}

/** A progress bar. Updates may come as often as they like: they are drawn at most ten times a second, the last one always. */
export interface Progress {
  /** Sets how much is done, optionally with a note behind the bar. */
  update(done: number, note?: string): void;
  /** Adds to what is done. */
  tick(count?: number): void;
  /** Takes the reports of a driver: `loadModel(dir, { onProgress: bar.report })`. */
  readonly report: (report: ProgressReport | number) => void;
  /** Ends the bar; with a total, what is done becomes the total. */
  done(note?: string): void;
  /** Ends the bar as failed, leaving it where it is. */
  fail(note: string): void;
}

interface State {
  label: string;
  total: number | undefined;
  unit: string;
  done: number;
  note: string;
  ended: 'running' | 'done' | 'failed';
  readonly started: number;
  endedAt: number | undefined;
}

/**
 * Opens a progress bar: below the running cell in a notebook, otherwise on stderr (redrawn in place on a terminal, a line
 * every few seconds elsewhere), so that stdout stays clean.
 *
 * @throws OptionError for an unknown option or a total that is negative or NaN
 */
export function progress(options: ProgressOptions = {}): Progress {
  checkOptions('progress', options, ['label', 'total', 'unit']);
  const { label = '', total, unit = '' } = options;
  if (total !== undefined && !(total >= 0)) {
    throw new OptionError(`expected a total of at least 0, received ${total}. Leave it out when it is not known.`, {
      op: 'progress',
    });
  }
  const state: State = {
    label,
    total,
    unit,
    done: 0,
    note: '',
    ended: 'running',
    started: performance.now(),
    endedAt: undefined,
  };
  const out = LiveOutput.open(() => progressBundle(state)) ?? terminalOutput(state);
  const end = (ended: 'done' | 'failed', note: string | undefined): void => {
    if (state.ended !== 'running') return;
    state.ended = ended;
    state.endedAt = performance.now();
    if (note !== undefined) state.note = note;
    if (ended === 'done' && state.total !== undefined) state.done = state.total;
    out.flush();
  };
  const update = (done: number, note?: string): void => {
    if (state.ended !== 'running') return;
    state.done = done;
    if (note !== undefined) state.note = note;
    out.changed();
  };
  out.changed();
  return {
    update,
    tick: (count = 1) => update(state.done + count),
    report: (report) => {
      if (typeof report === 'number') {
        update(report);
        return;
      }
      if (report.total !== undefined) state.total = report.total;
      if (report.label !== undefined) state.label = report.label;
      update(report.done);
    },
    done: (note) => end('done', note),
    fail: (note) => end('failed', note),
  };
}

/**
 * Walks through items under a progress bar, which ends with the loop, also when the loop throws or stops early.
 *
 * @param items an array, or anything iterable, synchronous or not
 * @param options as for {@link progress}; the total of an array is known
 */
export async function* track<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: ProgressOptions = {},
): AsyncGenerator<T, void, undefined> {
  const known = (items as { readonly length?: unknown }).length;
  const bar = progress({ ...(typeof known === 'number' ? { total: known } : {}), ...options });
  let complete = false;
  try {
    for await (const item of items) {
      yield item;
      bar.tick();
    }
    complete = true;
    bar.done();
  } finally {
    if (!complete) bar.fail('stopped');
  }
}

interface Output {
  changed(): void;
  flush(): void;
}

/** Seconds between lines when stderr is no terminal. */
const LINE_EVERY_MS = 5000;

function terminalOutput(state: State): Output {
  const inPlace = process.stderr.isTTY === true;
  const coalescer = new Coalescer(
    () => {
      const last = state.ended !== 'running' ? '\n' : '';
      process.stderr.write(inPlace ? `\r${progressText(state)}\x1b[K${last}` : `${progressText(state)}\n`);
    },
    inPlace ? 100 : LINE_EVERY_MS,
  );
  return { changed: () => coalescer.request(), flush: () => coalescer.flush() };
}

function progressText(state: State): string {
  const share = shareOf(state);
  const cells = 20;
  const full = Math.round((share ?? 0) * cells);
  const bar = share === undefined ? '' : `${'█'.repeat(full)}${'░'.repeat(cells - full)} `;
  return [state.label, `${bar}${facts(state).join(' · ')}`].filter((text) => text !== '').join('  ');
}

function progressBundle(state: State): MimeBundle {
  const share = shareOf(state);
  const color = { running: '#0072B2', done: '#009E73', failed: '#D55E00' }[state.ended];
  const bar =
    share === undefined
      ? ''
      : `<div style="display:inline-block;width:220px;height:10px;background:#e6e6e6;margin:0 10px;vertical-align:middle"><div style="width:${(share * 100).toFixed(1)}%;height:10px;background:${color}"></div></div>`;
  const html = `<div style="font-family:sans-serif;font-size:13px">${escapeHtml(state.label)}${bar || ' '}${escapeHtml(facts(state).join(' · '))}</div>`;
  return { 'text/html': html, 'text/plain': progressText(state) };
}

function shareOf({ done, total }: State): number | undefined {
  return total === undefined ? undefined : total === 0 ? 1 : Math.min(1, Math.max(0, done / total));
}

function facts(state: State): string[] {
  const { done, total, unit, started, endedAt, ended, note } = state;
  const seconds = ((endedAt ?? performance.now()) - started) / 1000;
  const share = shareOf(state);
  const amount = [total === undefined ? formatNumber(done) : `${formatNumber(done)}/${formatNumber(total)}`, unit]
    .filter(Boolean)
    .join(' ');
  const out = share === undefined ? [amount] : [`${Math.floor(share * 100)} %`, amount];
  if (seconds > 0.2 && done > 0) out.push(`${formatNumber(done / seconds, 3)}${unit === '' ? '' : ` ${unit}`}/s`);
  if (ended === 'running' && share !== undefined && share > 0 && seconds > 0.5)
    out.push(`${duration((seconds * (1 - share)) / share)} left`);
  if (ended !== 'running') out.push(`${ended === 'done' ? 'done' : 'failed'} in ${duration(seconds)}`);
  if (note !== '') out.push(note);
  return out;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${formatNumber(seconds, 2)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
