import { packageVersion } from '../bench';
import { nearestName } from '../native/options';
import { benchCommand } from './bench';
import { chatCommand } from './chat';
import type { Command } from './command';
import { interruptedCode } from './command';
import { describeFlags, parseFlags } from './flags';
import { generateCommand } from './generate';
import { infoCommand } from './info';
import { inspectCommand } from './inspect';
import { print } from './output';
import { UsageError } from './usage-error';

const commands: readonly Command[] = [generateCommand, chatCommand, inspectCommand, benchCommand, infoCommand];

/**
 * Runs the command line.
 *
 * @param argv the arguments after the program's name
 * @returns exit code: 0 done, 1 failed, 2 not understood, 130 interrupted
 */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => {
    // A second time: whatever is running does not listen.
    if (interrupt.signal.aborted) process.exit(interruptedCode);
    interrupt.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader, such as head, has seen enough.
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  try {
    const code = await dispatch(argv, interrupt.signal);
    return interrupt.signal.aborted ? interruptedCode : code;
  } catch (error) {
    if (interrupt.signal.aborted) {
      process.stderr.write('rotor: interrupted\n');
      return interruptedCode;
    }
    return report(error);
  }
}

async function dispatch(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const [name, ...args] = argv;
  if (name === '--version' || name === '-v') {
    await print(`${packageVersion()}\n`);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    await print(programHelp());
    return 0;
  }
  if (name === undefined) throw new UsageError(`expected a command (${commandNames().join(', ')}), received none.`);
  const command = commands.find((c) => c.name === name);
  if (command === undefined) {
    const near = nearestName(name, commandNames());
    throw new UsageError(
      `expected a command (${commandNames().join(', ')}), received "${name}".${near === undefined ? '' : ` Did you mean "${near}"?`}`,
    );
  }
  const flags = parseFlags(command.name, command.flags, args);
  if (flags.has('help')) {
    await print(`${command.summary}\n\nUsage: ${command.usage}\n\n${describeFlags(command.flags)}\n`);
    return 0;
  }
  return command.run({ flags, args, signal });
}

function commandNames(): string[] {
  return commands.map(({ name }) => name);
}

function programHelp(): string {
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return `Runs ternary language models and looks inside them.\n\nUsage: rotor COMMAND [flags]\n\n${lines.join('\n')}\n\n"rotor COMMAND --help" explains the flags of a command.\n`;
}

function report(error: unknown): number {
  const debug = process.env['ROTOR_DEBUG'] === '1';
  const { message, stack, code } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const usage = error instanceof UsageError;
  const text = debug && stack !== undefined ? stack : (message ?? String(error)).replaceAll('\n', ' ');
  process.stderr.write(`rotor: ${text}\n`);
  if (usage) process.stderr.write(`See "rotor ${error.command === '' ? '' : `${error.command} `}--help".\n`);
  // An option out of range is the caller's as much as an unknown flag.
  return usage || code === 'ROTOR_OPTION' ? 2 : 1;
}
