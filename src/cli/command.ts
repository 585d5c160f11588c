import type { Flag, Flags } from './flags';

/** What a command gets to work with. */
export interface Context {
  readonly flags: Flags;
  /** The arguments after the command's name, as they were given. */
  readonly args: readonly string[];
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A command of the program. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The line that shows how it is called. */
  readonly usage: string;
  readonly flags: readonly Flag[];
  /** Returns the exit code: 0, or 1 when what was asked for did not hold. */
  run(context: Context): Promise<number>;
}

/** Exit code after Ctrl-C: 128 and the number of the signal, as shells have it. */
export const interruptedCode = 130;
