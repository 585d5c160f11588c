/** Writes to standard output; resolves when the text is handed over, so that a slow reader slows the writer. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

/** Prints a value as JSON on one line; 64-bit numbers become decimal text. */
export function printJson(value: unknown): Promise<void> {
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item !== 'bigint') return item;
    return item <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(item) : String(item);
  });
  return print(`${text}\n`);
}

/** One line on standard error that changes in place; nothing when nobody would see it change. */
export class StatusLine {
  readonly #quiet: boolean;
  #last = 0;
  #shown = false;

  constructor(quiet: boolean) {
    this.#quiet = quiet || !process.stderr.isTTY;
  }

  /** Shows a text; calls less than 50 ms after the last are left out. */
  show(text: string): void {
    const now = performance.now();
    if (this.#quiet || now - this.#last < 50) return;
    this.#last = now;
    this.#shown = true;
    process.stderr.write(`\r\x1b[2K${text}`);
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[2K');
    this.#shown = false;
    this.#last = 0;
  }
}
