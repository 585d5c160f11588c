/** Joining many updates into few messages: a notebook loses messages when hundreds come at once. */

/** Shortest time between two updates of one output, in milliseconds. */
export const MIN_INTERVAL_MS = 100;

/** Calls `write` at most once per interval, and once more for the last request. */
export class Coalescer {
  private readonly write: () => void;
  private readonly intervalMs: number;
  private last = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param write writes the state as it is when called
   * @param intervalMs milliseconds between writes, at least 100
   */
  constructor(write: () => void, intervalMs = MIN_INTERVAL_MS) {
    this.write = write;
    this.intervalMs = Math.max(MIN_INTERVAL_MS, intervalMs);
  }

  /** Says that the state changed: written at once if the last write is long ago, otherwise when the interval is over. */
  request(): void {
    const wait = this.last + this.intervalMs - performance.now();
    if (wait <= 0) this.flush();
    else if (this.timer === undefined) {
      this.timer = setTimeout(() => this.flush(), wait);
      // A progress bar must not keep a program alive that is otherwise done.
      this.timer.unref();
    }
  }

  /** Writes now, whatever the interval. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.last = performance.now();
    this.write();
  }
}
