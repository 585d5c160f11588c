/** A command line that cannot be understood; ends the process with code 2. */
export class UsageError extends Error {
  /** Command whose help explains more; empty for the program's. */
  readonly command: string;

  constructor(text: string, command = '') {
    super(text);
    this.name = 'UsageError';
    this.command = command;
  }
}
