/** One output below a cell that can be replaced as long as one likes. */
import { Coalescer } from './coalesce';
import type { DisplayWriter } from './kernel';
import { cellWriter, newDisplayId, sendBundle } from './kernel';
import type { MimeBundle } from './mime';

/** An output that shows the latest state of something, sent at most ten times a second. */
export class LiveOutput {
  private readonly render: () => MimeBundle;
  private readonly writer: DisplayWriter;
  private readonly id = newDisplayId();
  private readonly coalescer: Coalescer;
  private shown = false;

  /**
   * Opens an output below the cell that runs now.
   *
   * @param render the state as a bundle, called for each update
   * @param intervalMs milliseconds between updates, at least 100
   * @returns `undefined` outside a notebook
   */
  static open(render: () => MimeBundle, intervalMs?: number): LiveOutput | undefined {
    const writer = cellWriter();
    return writer && new LiveOutput(writer, render, intervalMs);
  }

  private constructor(writer: DisplayWriter, render: () => MimeBundle, intervalMs?: number) {
    this.render = render;
    this.writer = writer;
    this.coalescer = new Coalescer(() => this.send(), intervalMs);
  }

  /** Says that the state changed. */
  changed(): void {
    this.coalescer.request();
  }

  /** Sends the state now; call it for the last one. */
  flush(): void {
    this.coalescer.flush();
  }

  private send(): void {
    sendBundle(this.writer, this.render(), this.id, this.shown);
    this.shown = true;
  }
}
